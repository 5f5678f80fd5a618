"""The relation whose refused rows are judged again, whether it is a source or a model.

Apart from the replay so that a call that cannot work is refused before anything is opened.
"""

from __future__ import annotations

from headwater.errors import UsageError, did_you_mean
from headwater.incremental.program import ChangeMode
from headwater.plan.steps import ModelStep, Plan, ProductPlan, SourceStep
from headwater.quality.checks import Judgement
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["ReplayTarget", "find_target"]


@frozen
class ReplayTarget:
    """``format`` is the table format of the relation's quarantine.

    ``refreshed`` means that its rows are judged again whenever it is computed
    anew, so that an ordinary run is all a replay can do.
    """

    step: SourceStep | ModelStep
    judgement: Judgement
    format: str

    @property
    def relation(self) -> RelationName:
        return self.step.relation

    @property
    def schema(self) -> Schema:
        """The columns of what was judged."""
        return self.step.judged if isinstance(self.step, SourceStep) else self.step.analysis.schema

    @property
    def refreshed(self) -> bool:
        return isinstance(self.step, ModelStep) and self.step.program.mode is ChangeMode.REPLACE


def find_target(plan: Plan, relation: RelationName, quarantine_format: str) -> ReplayTarget:
    """The replay target of a relation.

    Args:
        quarantine_format: the table format of sources' quarantine.

    Raises:
        UsageError: no such relation, or one whose rows nothing refuses.
    """
    product = next((one for one in plan.products if one.product == relation.product), None)
    step = _step(product, relation) if product else None
    if step is None:
        known = [str(name) for one in plan.products for name in _names(one)]
        raise UsageError(f"there is no relation '{relation}'", hint=did_you_mean(str(relation), known))
    if step.judgement is None:
        raise UsageError(
            f"{relation} has no contract, so none of its rows was refused by one",
            hint="records that could not be decoded are read again when the source's columns change",
        )
    kind = quarantine_format if isinstance(step, SourceStep) else step.output
    return ReplayTarget(step, step.judgement, kind)


def _step(product: ProductPlan, relation: RelationName) -> SourceStep | ModelStep | None:
    steps: tuple[SourceStep | ModelStep, ...] = (*product.sources, *product.models)
    return next((step for step in steps if step.relation == relation), None)


def _names(product: ProductPlan) -> list[RelationName]:
    steps: tuple[SourceStep | ModelStep, ...] = (*product.sources, *product.models)
    return [step.relation for step in steps if step.judgement is not None]
