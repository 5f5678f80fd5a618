"""One epoch in the making: what it has gathered, and how that becomes durable or is abandoned.

Apart from intake and computation, which fill it, so that the order of the
commit protocol stands in one place.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from headwater.errors import HeadwaterError, TerminalError
from headwater.events import EpochFinished, EpochStarted, Judged, OutboxCleared, Staged, StateCommitted
from headwater.plan.steps import Recorded
from headwater.runtime.commit import ProductContext, acknowledge
from headwater.runtime.sealing import Sealing
from headwater.runtime.state import CheckResult, EpochKind, EpochRecord, LedgerRow, OutboxEntry
from headwater.runtime.state.values import VersionToken
from headwater.runtime.watermarks import Watermarks
from headwater.spi.codec import ParquetFile
from headwater.spi.engine import BesideWriter, ParquetWriter
from headwater.spi.source import Position
from headwater.spi.table import CommitId, Committable, Draft, FileStager, PublishMode, TableSpec
from headwater.types import Counts, RelationName, Schema
from headwater.values import frozen

__all__ = ["Epoch", "Parts"]

most_beside: Final = 4
"""Results that are written beside one that is computed, or wait for it, and as many that are made durable."""


@frozen
class Parts:
    """Rows in two parts: ``old`` yields the first, ``young`` the others, told how many the first has."""

    old: str
    young: Callable[[int], str]


@frozen
class _Written:
    """A table whose files the engine writes: ``files`` waits for them, ``seal`` makes them durable."""

    format: str
    files: Callable[[], Sequence[ParquetFile]]
    seal: Callable[[Sequence[ParquetFile]], Committable]
    counted: Callable[[int], object]
    named: Callable[[], AbstractContextManager[None]]


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
    _written: deque[_Written] = field(default_factory=deque)
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
        counted: Callable[[int], object] = int,
        named: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """Write a query's rows to a table's storage, not yet visible.

        Where engine and table can, the engine writes the files itself: those of a table that is replaced while it
        computes what comes next, until they are waited for (:meth:`wait_for_written`). They are made durable
        while it computes what is staged next.

        Args:
            known: the columns of the query that are written, as the engine's binder gave them; None: all of them.
            without: the files that a merge takes out of the table.
            parts: yield the same rows as the query, to be written into files of their own where the engine writes.
            counted: told how many rows there are, once that is known (default: nobody is).
            named: a context for what is still to be raised when this returns.

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
            files = None if draft is None else _written(session, query, draft, parts, known)
            if draft is not None and files is not None:
                seal = partial(_sealed, table, draft, without)
                self._written.append(_Written(format, files, seal, counted, named))
                self.wait_for_written(but=0 if mode is not PublishMode.REPLACE else most_beside)
                return
        self._settle()
        rows = session.reader(query if known is None else f"SELECT {known.listed} FROM ({query})")
        committable = replace(table.stage(rows, spec, identity, mode), without=without)
        counted(committable.rows)
        self._enter(format, committable)

    def wait_for_written(self, *, but: int) -> None:
        """Wait for what the engine writes, except for what was staged last, ``but`` tables at most."""
        while len(self._written) > but:
            written = self._written.popleft()
            with written.named():
                files = written.files()
            written.counted(sum(file.rows for file in files))
            self._enter_sealed(but=most_beside)
            self._sealing.begin(written.format, partial(written.seal, files))

    def _settle(self) -> None:
        """Enter all that was staged, once it is durable."""
        self.wait_for_written(but=0)
        self._enter_sealed(but=0)

    def _enter_sealed(self, *, but: int) -> None:
        for sealed in self._sealing.finish(but=but):
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
        """Forget everything; ``clean`` also deletes what was staged (the rest is swept by the next start).

        A rollback that fails leaves nothing durable either: the transaction ends with the session.
        """
        with contextlib.suppress(Exception):
            for sealed in self._sealing.finish():
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
    session: ParquetWriter, query: str, draft: Draft, parts: Parts | None, known: Schema | None
) -> Callable[[], Sequence[ParquetFile]] | None:
    """What waits for the files that the engine writes of a query, or of its parts; None when it cannot."""
    target = draft.target
    if parts is None and draft.mode is PublishMode.REPLACE and isinstance(session, BesideWriter):
        return session.write_parquet_beside(query, target, known)
    first = session.write_parquet(query if parts is None else parts.old, target, known)
    if first is None:
        return None
    young: Sequence[ParquetFile] = ()
    if parts is not None:
        apart = replace(target, folder=f"{target.folder}/young")
        young = session.write_parquet(parts.young(sum(file.rows for file in first)), apart, known) or ()
    files = (*first, *(replace(file, name=f"young/{file.name}") for file in young))
    return lambda: files


def _sealed(table: FileStager, draft: Draft, without: tuple[str, ...], files: Sequence[ParquetFile]) -> Committable:
    return replace(table.seal(draft, files), without=without)
