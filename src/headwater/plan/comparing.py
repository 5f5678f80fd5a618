"""A plan's relations against the recorded ones: the list of differences.

Apart from the rules of one difference (:mod:`headwater.plan.differences`):
here the order, and who is affected downstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headwater.plan.differences import model_difference, removed, source_difference
from headwater.plan.steps import Difference, ModelStep, ProductPlan, Recorded
from headwater.sql.analysis import ColumnReference
from headwater.types import RelationName

__all__ = ["compare"]


def compare(
    products: Sequence[ProductPlan],
    recorded: Mapping[RelationName, Recorded],
    planned: Iterable[RelationName],
) -> tuple[Difference, ...]:
    """How every relation differs, in the order of the plan; removed ones at the end.

    Args:
        products: the plan's products in order.
        recorded: what the last run recorded.
        planned: all declared relations, also those of products not in ``products``.
    """
    readers = _Readers(products)
    found: dict[RelationName, Difference] = {}
    for product in products:
        for source in product.sources:
            found[source.relation] = source_difference(source, recorded.get(source.relation), readers.affected)
        for model in product.models:
            upstream = {read: found[read] for read in model.analysis.reads if read in found}
            found[model.relation] = model_difference(
                model, recorded.get(model.relation), upstream, _query_difference, readers.affected
            )
    gone = sorted(recorded.keys() - set(planned))
    return (*found.values(), *(removed(recorded[relation]) for relation in gone))


def _query_difference(old: str, new: str) -> Sequence[str]:
    from headwater.incremental.query_difference import describe_difference

    return describe_difference(old, new)


class _Readers:
    """Columns by the columns that flow into them; indexed when first asked for."""

    def __init__(self, products: Sequence[ProductPlan]) -> None:
        self._models: list[ModelStep] = [model for product in products for model in product.models]
        self._index: dict[ColumnReference, list[ColumnReference]] | None = None

    def affected(self, column: ColumnReference) -> tuple[ColumnReference, ...]:
        """All columns downstream of a column, nearest first."""
        reached: dict[ColumnReference, None] = {}
        waiting = [_folded(column)]
        while waiting:
            for reader in self._readers().get(waiting.pop(0), ()):
                if reader not in reached:
                    reached[reader] = None
                    waiting.append(_folded(reader))
        return tuple(reached)

    def _readers(self) -> Mapping[ColumnReference, list[ColumnReference]]:
        if self._index is None:
            self._index = {}
            for model in self._models:
                for part in model.analysis.lineage:
                    for read in dict.fromkeys((*part.direct, *part.indirect)):
                        self._index.setdefault(_folded(read), []).append(ColumnReference(model.relation, part.column))
        return self._index


def _folded(column: ColumnReference) -> ColumnReference:
    return ColumnReference(column.relation, column.column.casefold())
