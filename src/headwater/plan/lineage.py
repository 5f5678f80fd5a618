"""Which columns of other models a column flows into, over the whole workspace.

Apart from the analysis of one query: here the lineage of all models is joined,
to say whom a breaking change reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater.plan.steps import ModelStep
from headwater.sql.analysis import ColumnReference

__all__ = ["ColumnReaders"]


class ColumnReaders:
    """Columns by the columns they are made from; indexed when first asked."""

    def __init__(self, models: Iterable[ModelStep]) -> None:
        self._models = tuple(models)
        self._index: dict[ColumnReference, list[ColumnReference]] | None = None

    def affected(self, column: ColumnReference) -> tuple[ColumnReference, ...]:
        """All columns that a column reaches, by value or by deciding which rows there are; nearest first."""
        reached: dict[ColumnReference, None] = {}
        waiting = [_folded(column)]
        for current in waiting:
            for reader in self._readers().get(current, ()):
                if reader not in reached:
                    reached[reader] = None
                    waiting.append(_folded(reader))
        return tuple(reached)

    def _readers(self) -> Mapping[ColumnReference, list[ColumnReference]]:
        if self._index is None:
            self._index = {}
            for model in self._models:
                for part in model.analysis.lineage:
                    reader = ColumnReference(model.relation, part.column)
                    for read in dict.fromkeys((*part.direct, *part.indirect)):
                        self._index.setdefault(_folded(read), []).append(reader)
        return self._index


def _folded(column: ColumnReference) -> ColumnReference:
    return ColumnReference(column.relation, column.column.casefold())
