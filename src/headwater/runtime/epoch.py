"""One epoch in the making: what it has gathered, and how that becomes durable or is abandoned.

Apart from intake and computation, which fill it, so that the order of the
commit protocol stands in one place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from headwater.errors import HeadwaterError, TerminalError
from headwater.events import EpochFinished, EpochStarted, Judged, OutboxCleared, Staged, StateCommitted
from headwater.plan.steps import Recorded
from headwater.runtime.commit import ProductContext, acknowledge
from headwater.runtime.sealing import Sealing
from headwater.runtime.state import CheckResult, EpochKind, EpochRecord, LedgerRow, OutboxEntry
from headwater.runtime.state.values import VersionToken
from headwater.runtime.watermarks import Watermarks
from headwater.spi.codec import ParquetFile, ParquetTarget
from headwater.spi.engine import ParquetWriter
from headwater.spi.source import Position
from headwater.spi.table import CommitId, Committable, FileStager, PublishMode, TableSpec
from headwater.types import Counts, RelationName, Schema
from headwater.values import frozen

__all__ = ["Epoch", "Parts"]


@frozen
class Parts:
    """Rows in two parts: ``old`` yields the first, ``young`` the others, told how many the first has."""

    old: str
    young: Callable[[int], str]


@dataclass(slots=True)
class Epoch:
    """Gathers what one epoch makes durable; mutable, and used by one thread.

    ``number`` is only taken when the epoch commits: an abandoned epoch's number
    is used again, under which no sink has seen a commit.
    """

    context: ProductContext
    number: int
    kind: EpochKind
    at: datetime
    watermarks: Watermarks
    positions: dict[RelationName, Position] = field(default_factory=dict)
    gained: dict[RelationName, Position] = field(default_factory=dict)
    foreign: dict[RelationName, int] = field(default_factory=dict)
    foreign_contents: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    foreign_identities: dict[RelationName, VersionToken] = field(default_factory=dict)
    versions: dict[RelationName, VersionToken] = field(default_factory=dict)
    inputs: dict[RelationName, Mapping[RelationName, VersionToken]] = field(default_factory=dict)
    recorded: dict[RelationName, Recorded] = field(default_factory=dict)
    removed: tuple[RelationName, ...] = ()
    staged: list[OutboxEntry] = field(default_factory=list)
    ledger: dict[RelationName, LedgerRow] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    _sealing: Sealing = field(default_factory=Sealing)
    _publishing: bool = False

    def begin(self) -> None:
        self.context.session.begin()
        self.context.tell(EpochStarted(self.context.name, self.number))

    def account(self, relation: RelationName, counts: Counts, *, replaced: bool) -> None:
        """Enter a relation's counts in the ledger.

        Raises:
            HeadwaterError: the law of counts does not hold: headwater lost or invented a row.
        """
        if not counts.balanced:
            raise HeadwaterError(
                f"{relation}: {counts.read} rows were read, but {counts.accepted} accepted, {counts.late} late "
                f"and {counts.quarantined} quarantined",
                detail="no row may be lost; this epoch is not published",
                hint="this is a defect of headwater: please report it",
            )
        self.ledger[relation] = LedgerRow(relation, counts, replaced)
        self.context.tell(Judged(self.context.name, self.number, relation, counts))

    def stage(
        self,
        relation: RelationName,
        format: str,
        *,
        fingerprint: str,
        query: str,
        spec: TableSpec,
        mode: PublishMode,
        known: Schema | None = None,
        without: tuple[str, ...] = (),
        parts: Parts | None = None,
    ) -> int:
        """Write a query's rows to a table's storage, not yet visible; returns how many.

        Where engine and table can, the engine writes the files itself, and they are made durable while it
        computes what is staged next. ``known`` are the query's columns as the engine's binder gave them;
        ``without`` are the files that a merge takes out of the table. ``parts`` yield the same rows as the query, to be
        written into files of their own where the engine writes.

        Raises:
            TerminalError: rows are to be appended to a table that is gone.
        """
        identity = CommitId(relation, fingerprint, self.number)
        table = self.context.tables.open(relation, format)
        if mode is PublishMode.APPEND and not table.exists():
            raise TerminalError(
                f"the table {relation}, which was published, is gone",
                detail="new rows alone would be published in its stead",
                hint="put the table back, or delete its folder: the next run then computes it anew",
            )
        session = self.context.session
        if isinstance(table, FileStager) and isinstance(session, ParquetWriter):
            draft = table.draft(spec, identity, mode)
            files = None if draft is None else _written(session, query, parts, draft.target, known)
            if draft is not None and files is not None:
                self._settle()
                self._sealing.begin(format, lambda: replace(table.seal(draft, files), without=without))
                return sum(file.rows for file in files)
        self._settle()
        committable = replace(table.stage(session.reader(query), spec, identity, mode), without=without)
        self._enter(format, committable)
        return committable.rows

    def _settle(self) -> None:
        """Enter what was staged last, once it is durable."""
        sealed = self._sealing.finish()
        if sealed is not None:
            self._enter(*sealed)

    def _enter(self, format: str, committable: Committable) -> None:
        self.staged.append(OutboxEntry(format, committable))
        self.context.tell(Staged(self.context.name, self.number, committable.id.relation, committable.rows))

    def unstage(self, relation: RelationName) -> None:
        """Give up a staged table of this epoch: there was nothing to publish."""
        self._settle()
        given_up = [entry for entry in self.staged if entry.relation == relation]
        self.staged = [entry for entry in self.staged if entry.relation != relation]
        self.context.sinks.abort(given_up)

    def commit_state(self, *, cleared: int | None) -> None:
        """Step 1 of the protocol. ``cleared`` is the epoch whose outbox this one replaces."""
        context = self.context
        self._settle()
        self._sealing.close()
        context.store.write(self._record())
        context.session.commit()
        context.tell(StateCommitted(context.name, self.number))
        if cleared is not None:
            context.tell(OutboxCleared(context.name, cleared))

    def publish(self) -> None:
        """Step 2: every sink, then every source that may forget."""
        self.context.sinks.commit(self.staged)
        self._acknowledge()

    def begin_publishing(self) -> None:
        """Step 2 beside the next epoch, which may not commit its state before :meth:`finish_publishing`."""
        self.context.sinks.begin(self.staged)
        self._publishing = True

    def finish_publishing(self) -> None:
        """Wait until every sink has what was begun; then every source may forget."""
        if self._publishing:
            self._publishing = False
            self.context.sinks.finish()
            self._acknowledge()

    def _acknowledge(self) -> None:
        context = self.context
        acknowledge(context, self.number, {**self.positions, **self.gained})
        context.tell(EpochFinished(context.name, self.number))

    def abandon(self, *, clean: bool) -> None:
        """Forget everything; ``clean`` also deletes what was staged (otherwise the next start sweeps it).

        A rollback that fails leaves nothing durable either: the transaction ends with the session.
        """
        with contextlib.suppress(Exception):
            if (sealed := self._sealing.finish()) is not None:
                self.staged.append(OutboxEntry(*sealed))
        self._sealing.close()
        with contextlib.suppress(HeadwaterError):
            self.context.session.rollback()
        self.context.kept.abandon()
        if clean:
            self.context.sinks.abort(self.staged)

    def _record(self) -> EpochRecord:
        return EpochRecord(
            epoch=self.number,
            run=self.context.run,
            kind=self.kind,
            at=self.at,
            positions=self.positions,
            gained=self.gained,
            foreign=self.foreign,
            foreign_contents=self.foreign_contents,
            foreign_identities=self.foreign_identities,
            versions=self.versions,
            inputs=self.inputs,
            recorded=tuple(self.recorded.values()),
            removed=self.removed,
            outbox=tuple(self.staged),
            ledger=tuple(self.ledger.values()),
            checks=tuple(self.checks),
            released=tuple(self.released),
            watermarks=self.watermarks.changed,
        )


def _written(
    session: ParquetWriter, query: str, parts: Parts | None, target: ParquetTarget, known: Schema | None
) -> tuple[ParquetFile, ...] | None:
    """What the engine wrote of a query, or of its parts; None when it cannot."""
    if parts is None:
        return session.write_parquet(query, target, known)
    old = session.write_parquet(parts.old, target, known)
    if old is None:
        return None
    apart = replace(target, folder=f"{target.folder}/young")
    young = session.write_parquet(parts.young(sum(file.rows for file in old)), apart, known) or ()
    return (*old, *(replace(file, name=f"young/{file.name}") for file in young))
