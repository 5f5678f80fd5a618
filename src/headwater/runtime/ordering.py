"""Which relations of a product stand above which: who reads whom, and what is published before what.

Apart from the runs because both follow from the plan alone.
"""

from __future__ import annotations

from headwater.plan.steps import ModelStep, ProductPlan
from headwater.quality.checks import ReferenceCheck
from headwater.runtime.decision import inputs_of
from headwater.types import RelationName

__all__ = ["publication_ranks", "readers_of"]


def readers_of(product: ProductPlan) -> dict[RelationName, frozenset[RelationName]]:
    """For each relation the models of the product that read it, or whose contract refers to it."""
    readers: dict[RelationName, set[RelationName]] = {}
    for model in product.models:
        for name in _needs(model):
            readers.setdefault(name, set()).add(model.relation)
    return {name: frozenset(found) for name, found in readers.items()}


def publication_ranks(product: ProductPlan) -> dict[RelationName, int]:
    """A number for every table of a product: smaller ones are published first, equal ones in any order.

    A model comes behind all it needs, directly or through views, and behind its own quarantine;
    sources have a quarantine only.
    """
    ranks = {source.relation.quarantine: 0 for source in product.sources}
    depths: dict[RelationName, int] = {}
    for model in product.models:
        depth = max((depths[name] for name in _needs(model) if name in depths), default=0)
        depths[model.relation] = depth if model.output == "view" else depth + 1
        if model.output != "view":
            ranks[model.relation.quarantine] = 2 * depth + 1
            ranks[model.relation] = 2 * depth + 2
    return ranks


def _needs(model: ModelStep) -> frozenset[RelationName]:
    checks = model.judgement.checks if model.judgement else ()
    return inputs_of(model) | {check.to for check in checks if isinstance(check, ReferenceCheck)}
