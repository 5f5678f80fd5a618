"""Views of other products: stored nowhere, so whoever reads one computes it.

Apart from the execution because it is a change of the plan: the view, and what
it reads, become part of the reading product, as if they were declared there.
Such relations are borrowed: only their own product publishes and accounts them.
"""

from __future__ import annotations

import dataclasses

from headwater.plan.steps import ForeignPort, ModelStep, Plan, ProductPlan, SourceStep
from headwater.types import RelationName

__all__ = ["products_read", "with_borrowed"]


def with_borrowed(plan: Plan) -> Plan:
    """The plan in which every product holds the views of other products that it reads."""
    sources = {step.relation: step for product in plan.products for step in product.sources}
    models = {model.relation: model for product in plan.products for model in product.models}
    return dataclasses.replace(plan, products=tuple(_expanded(product, sources, models) for product in plan.products))


def products_read(product: ProductPlan) -> frozenset[str]:
    """The other products that a product depends on."""
    relations = [port.relation for port in product.foreign]
    relations += [step.relation for step in product.sources] + [model.relation for model in product.models]
    return frozenset(relation.product for relation in relations) - {product.product}


def _expanded(
    product: ProductPlan, sources: dict[RelationName, SourceStep], models: dict[RelationName, ModelStep]
) -> ProductPlan:
    if all(port.output != "view" for port in product.foreign):
        return product
    borrowed_sources: dict[RelationName, SourceStep] = {}
    borrowed_models: dict[RelationName, ModelStep] = {}
    foreign: dict[RelationName, ForeignPort] = {}

    def borrow(name: RelationName) -> None:
        """Take what a view reads before the view itself."""
        if name in sources:
            borrowed_sources[name] = sources[name]
        elif (model := models[name]).output != "view":
            foreign[name] = ForeignPort(name, model.analysis.schema, model.output)
        elif name not in borrowed_models:
            for read in model.program.inputs:
                borrow(read.relation)
            borrowed_models[name] = model

    for port in product.foreign:
        borrow(port.relation)
    own = {step.relation for step in product.sources} | {model.relation for model in product.models}
    return dataclasses.replace(
        product,
        sources=(*product.sources, *(step for name, step in borrowed_sources.items() if name not in own)),
        foreign=tuple(port for name, port in sorted(foreign.items()) if name not in own),
        models=(*(model for name, model in borrowed_models.items() if name not in own), *product.models),
    )
