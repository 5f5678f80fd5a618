"""A plan's relations against the recorded ones: the list of differences.

Apart from the rules of one difference (:mod:`headwater.plan.differences`):
here the order, and who is affected downstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headwater.plan.differences import model_difference, removed, source_difference
from headwater.plan.lineage import ColumnReaders
from headwater.plan.steps import Difference, ProductPlan, Recorded
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
    columns = ColumnReaders(model for product in products for model in product.models)
    found: dict[RelationName, Difference] = {}
    for product in products:
        for source in product.sources:
            found[source.relation] = source_difference(source, recorded.get(source.relation), columns.affected)
        for model in product.models:
            upstream = {read: found[read] for read in model.analysis.reads if read in found}
            found[model.relation] = model_difference(
                model, recorded.get(model.relation), upstream, _query_difference, columns.affected
            )
    gone = sorted(recorded.keys() - set(planned))
    return (*found.values(), *(removed(recorded[relation]) for relation in gone))


def _query_difference(old: str, new: str) -> Sequence[str]:
    from headwater.incremental.query_difference import describe_difference

    return describe_difference(old, new)
