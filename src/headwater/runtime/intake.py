"""What comes in during an epoch: source chunks landed and judged, and what foreign tables gained.

Apart from the computation so that everything behind it sees ``change`` relations only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from headwater.events import Landed
from headwater.plan.steps import ForeignPort, SourceStep
from headwater.quality.judging import Judging, judge
from headwater.quality.literals import text_literal
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.runtime.judging import Judged, examine
from headwater.runtime.keyed_sources import Changes
from headwater.runtime.publication import Publisher, recorded_source
from headwater.runtime.source_history import SourceHistory
from headwater.runtime.state.values import VersionToken
from headwater.spi.codec import FileScan, Rows
from headwater.spi.engine import AheadDecoder
from headwater.spi.engine import Landed as Decoded
from headwater.spi.source import Chunk
from headwater.types import FieldPath, RelationName, quote_identifier
from headwater.values import frozen

__all__ = ["ForeignRows", "Intake", "is_stream"]

MOST_AHEAD: Final = 64 * 1024 * 1024
"""Bytes of a chunk from which on it is not decoded ahead: all threads share such files, and two of them take memory."""


@frozen
class ForeignRows:
    """What another product's table gained up to ``version``; ``rows`` None when that is nothing.

    ``identity`` tells the version from one of the same number in a table that was published anew.
    """

    version: int
    identity: VersionToken
    rows: Rows | None


@frozen
class Intake:
    """Takes rows into one epoch.

    ``wanted`` are the relations whose changes a model will read; ``reset``
    sources start anew, and so does their quarantine; of ``replaced`` ports old rows may be gone.
    """

    publisher: Publisher
    wanted: frozenset[RelationName]
    reset: frozenset[RelationName]
    replaced: frozenset[RelationName]

    def sources(self, steps: Sequence[SourceStep], chunks: Mapping[RelationName, Chunk]) -> set[RelationName]:
        """Land and judge the chunks; returns the sources that have a ``change``, or a ``delta`` relation."""
        for step in steps:
            chunk = chunks.get(step.relation)
            if chunk is None:
                self._forget_refused(step)
                continue
            changes = Changes.of(self.publisher, step)
            if changes is None:
                self._land(step, chunk)
            else:
                self._change(changes, chunk)
            epoch = self.publisher.epoch
            epoch.positions[step.relation] = chunk.position
            if chunk.gained is not None:
                epoch.gained[step.relation] = chunk.gained
            epoch.recorded[step.relation] = recorded_source(step)
        return set(chunks)

    def prepare(self, steps: Sequence[SourceStep], upcoming: Mapping[RelationName, Chunk]) -> None:
        """Begin to decode what the next epoch will take, where the engine does that beside this one."""
        session = self.publisher.bench.session
        if not isinstance(session, AheadDecoder):
            return
        for step in steps:
            chunk = upcoming.get(step.relation)
            if chunk is None or not isinstance(chunk.rows, FileScan) or chunk.size_bytes > MOST_AHEAD:
                continue
            if step.keyed is not None:
                session.land_ahead(chunk.rows, schema=step.keyed.records)
            else:
                session.land_ahead(chunk.rows, schema=step.schema, needed=self._needed(step))

    def foreign(self, ports: Sequence[ForeignPort], gained: Mapping[RelationName, ForeignRows]) -> set[RelationName]:
        """Make ``change`` relations of what foreign tables gained; returns which."""
        moved = set()
        for port in ports:
            found = gained.get(port.relation)
            if found is None:
                continue
            self.publisher.epoch.foreign[port.relation] = found.version
            self.publisher.epoch.foreign_identities[port.relation] = found.identity
            if found.rows is None:
                continue
            self.publisher.epoch.versions[port.relation] = found.identity
            if port.relation in self.wanted or port.event_time is not None:
                self._gain(port, found.version, found.rows)
            if port.relation in self.wanted:
                moved.add(port.relation)
        return moved

    def _gain(self, port: ForeignPort, version: int, rows: Rows) -> None:
        bench, change = self.publisher.bench, relation("change", port.relation)
        origin = f"{port.relation}@{version}"
        if is_stream(rows):
            bench.session.land(change, rows, schema=port.schema, provenance=origin)
            bench.made(change)
            gains = change
        else:
            gains = quote_identifier(f"gains.{port.relation}")
            bench.session.view(gains, rows, schema=port.schema)
            bench.define(
                change,
                f"SELECT {port.schema.listed}, {text_literal(origin)} AS {SOURCE_COLUMN}, "
                f"row_number() OVER () AS {OFFSET_COLUMN} FROM {gains}",
            )
        anew = port.relation in self.replaced
        self.publisher.advance_time(port.relation, port.event_time, port.schema, anew=anew, rows=gains)

    def _forget_refused(self, step: SourceStep) -> None:
        """A source that starts anew, and has no rows, has an empty quarantine."""
        if step.relation in self.reset:
            kind = self.publisher.epoch.context.quarantine_format
            self.publisher.quarantine(step.relation, kind, step.fingerprint, 0, anew=True)

    def _change(self, changes: Changes, chunk: Chunk) -> None:
        """Take records of a keyed source, which are changes of its rows."""
        step, epoch = changes.step, self.publisher.epoch
        name, anew = step.relation, step.relation in self.reset
        landed = changes.land(chunk.rows)
        epoch.context.tell(Landed(epoch.context.name, epoch.number, name, landed.rows, landed.malformed))
        judging = changes.judging(name, malformed=landed.malformed > 0)
        counts = self.publisher.verdict(judging, landed.rows, malformed=landed.malformed).counts
        changes.apply()
        epoch.checks.extend(changes.examine(judging, counts))
        epoch.account(name, counts, replaced=anew)
        kind = epoch.context.quarantine_format
        self.publisher.quarantine(name, kind, step.fingerprint, counts.quarantined, anew=anew)
        epoch.versions[name] = str(epoch.number)

    def _land(self, step: SourceStep, chunk: Chunk) -> None:
        publisher, epoch, name = self.publisher, self.publisher.epoch, step.relation
        landed = self._decode(step, chunk, self._needed(step))
        epoch.context.tell(Landed(epoch.context.name, epoch.number, name, landed.rows, landed.malformed))
        anew = name in self.reset
        judging = judge(
            name,
            step.judgement,
            step.schema,
            history=name in publisher.published and not anew,
            malformed=landed.malformed > 0,
            timing=epoch.watermarks.timing(name, anew=anew),
        )
        kept = SourceHistory.of(step)
        kept.provide(publisher.bench, anew=name not in publisher.published or anew)
        judged = publisher.verdict(judging, landed.rows, malformed=landed.malformed)
        if judged.counts.accepted < judged.counts.read:
            epoch.context.spoiled.add(name)
            if not landed.whole:
                judged = self._judge_wholly(step, chunk, judging)
        counts = judged.counts
        if step.judgement is not None:
            epoch.checks.extend(examine(publisher.bench, judging, step.judgement, counts))
        epoch.account(name, counts, replaced=anew)
        kind = epoch.context.quarantine_format
        publisher.quarantine(name, kind, step.fingerprint, counts.late + counts.quarantined, anew=anew)
        publisher.advance_time(name, step.event_time, step.schema, anew=anew, judged=judged)
        kept.remember(publisher.bench)
        publisher.bench.rows.landed(name, chunk.rows)
        epoch.versions[name] = str(epoch.number)

    def _needed(self, step: SourceStep) -> tuple[FieldPath, ...] | None:
        """The fields that are kept of a source's records: all of them once some were refused in this run."""
        return None if step.relation in self.publisher.epoch.context.spoiled else step.needed

    def _decode(self, step: SourceStep, chunk: Chunk, needed: tuple[FieldPath, ...] | None) -> Decoded:
        name = step.relation
        return self.publisher.bench.land(
            relation("candidate", name),
            chunk.rows,
            step.schema,
            rejects=relation("malformed", name),
            provenance=name,
            needed=needed,
            readers=step.readers,
        )

    def _judge_wholly(self, step: SourceStep, chunk: Chunk, judging: Judging) -> Judged:
        """Decode and judge a chunk once more, with all fields, for what is refused is kept as a whole."""
        bench, name = self.publisher.bench, step.relation
        made = [statement.creates for statement in (judging.accepted, judging.change, *judging.work)]
        for each in (*made, relation("rejected", name)):
            if bench.has(each):
                bench.drop(each)
        bench.drop(relation("candidate", name))
        bench.drop(relation("malformed", name))
        landed = self._decode(step, chunk, None)
        return self.publisher.verdict(judging, landed.rows, malformed=landed.malformed)


def is_stream(rows: Rows) -> bool:
    """Whether rows can be read once only; pyarrow is not asked for, and so not loaded, where they are files."""
    if isinstance(rows, FileScan):
        return False
    import pyarrow

    return isinstance(rows, pyarrow.RecordBatchReader)
