"""A source's rows from its beginning: those at hand, or read once more without what was refused of them.

Apart from the bench, which asks for them when a model needs all rows: here is
what a connector can give again, and which of it was admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headwater.errors import UsageError
from headwater.plan.steps import SourceStep
from headwater.quality.quarantine import QUARANTINE_SCHEMA
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.spi.codec import FileScan, Rows
from headwater.spi.source import Position
from headwater.types import RelationName, quote_identifier

if TYPE_CHECKING:
    from headwater.runtime.epoch import Epoch
    from headwater.runtime.workbench import Workbench

__all__ = ["SourceRows", "is_direct"]


class SourceRows:
    """The rows of the sources of one epoch's product.

    Args:
        positions: how far each source is read when this epoch ends.
        published: relations with a table that holds earlier epochs.
        started: sources of which earlier epochs took rows.
    """

    def __init__(
        self,
        bench: Workbench,
        epoch: Epoch,
        *,
        positions: Mapping[RelationName, Position],
        published: frozenset[RelationName],
        started: frozenset[RelationName],
    ) -> None:
        self._bench = bench
        self._epoch = epoch
        self._positions = positions
        self._published = published
        self._started = started
        self._landed: dict[RelationName, Rows | None] = {}
        self._whole: dict[RelationName, Rows | None] = {}
        self._released: list[str] = [epoch.context.store.releases()]

    def landed(self, source: RelationName, rows: Rows | None) -> None:
        """``change.<source>`` holds what this epoch took of it, which lies in ``rows``."""
        self._landed[source] = rows

    def has_begun(self, source: RelationName) -> bool:
        """Whether this epoch or an earlier one took rows of a source."""
        return source in self._landed or source in self._started

    def begins(self, source: RelationName) -> bool:
        """Whether this epoch holds all rows of a source."""
        return source in self._landed and source not in self._started

    def all(self, step: SourceStep) -> Rows | None:
        """A source's rows from its beginning, as its connector hands them out; asked for once."""
        name = step.relation
        if name not in self._whole:
            if self.begins(name):
                self._whole[name] = self._landed[name]
            else:
                position = self._positions.get(name)
                self._whole[name] = None if position is None else self._replay(step, position)
        return self._whole[name]

    def admitted_again(self, step: SourceStep, rows: Rows) -> str:
        """Land a replay beside this epoch's rows of the same source; a query of it without what was refused.

        Rows keep their first verdict until they are released: judged again, a row that
        waits in the quarantine could be admitted here, and once more by a replay of it.
        """
        again = RelationName(step.relation.product, f"{step.relation.name}@history")
        candidate, malformed = relation("candidate", again), relation("malformed", again)
        self._bench.land(candidate, rows, step.schema, rejects=malformed, provenance=step.relation, needed=step.needed)
        refused = " UNION ALL ".join(self._refused(step.relation))
        same = f'r.source = c.{SOURCE_COLUMN} AND r."offset" = c.{OFFSET_COLUMN}'
        kept = f" WHERE NOT EXISTS (SELECT 1 FROM ({refused}) AS r WHERE {same})" if refused else ""
        return f"SELECT c.* FROM {candidate} AS c{kept}"

    @property
    def unreleased(self) -> str:
        """The condition that a row ``q`` of a quarantine was not released since it was refused."""
        released = " UNION ALL ".join(self._released)
        later = "r.quarantine_id = q.quarantine_id AND r.epoch > q.epoch"
        return f"NOT EXISTS (SELECT 1 FROM ({released}) AS r WHERE {later})"

    def release(self, ids: str) -> None:
        """This epoch admits rows of a quarantine: a query of their ids, as ``quarantine_id``."""
        self._released.append(f"SELECT quarantine_id, {self._epoch.number} AS epoch FROM ({ids})")

    def _refused(self, source: RelationName) -> list[str]:
        """Queries of ``source`` and ``offset`` of the rows refused and not released, this epoch's included."""
        queries = []
        if self._bench.has(relation("rejected", source)):
            queries.append(f'SELECT source, "offset" FROM {relation("rejected", source)}')
        if source.quarantine in self._published:
            context, kept = self._epoch.context, quote_identifier(f"refused.{source}")
            table = context.tables.open(source.quarantine, context.quarantine_format)
            self._bench.view(kept, table.scan(), QUARANTINE_SCHEMA)
            queries.append(f'SELECT source, "offset" FROM {kept} AS q WHERE {self.unreleased}')
        return queries

    def _replay(self, step: SourceStep, position: Position) -> Rows | None:
        reader = self._epoch.context.readers[step.relation]
        if "replay" not in reader.capabilities:
            raise UsageError(
                f"the source {step.relation} cannot be read again",
                detail=f"a model needs all its rows, and sources of kind '{step.source.kind}' are read once",
                hint="publish its rows with a model of their own (SELECT * FROM it) and read that one",
                where=step.source.where,
            )
        return reader.replay(position)


def is_direct(rows: Rows) -> bool:
    """Whether the engine can scan the rows where they lie, any number of times, and none can be malformed."""
    return isinstance(rows, FileScan) and rows.format == "parquet"
