"""What was published and is gone, because somebody deleted it: it is forgotten, and so computed again.

Apart from the decisions about a product because here the lake is looked at.
An append to a table that is gone would leave its readers with new rows only.
"""

from __future__ import annotations

import dataclasses

from headwater.plan.steps import ModelStep
from headwater.runtime.commit import ProductContext
from headwater.runtime.decision import is_quarantine_in
from headwater.runtime.state import Snapshot
from headwater.types import RelationName

__all__ = ["lost_sources", "without_lost"]


def lost_sources(context: ProductContext, snapshot: Snapshot) -> frozenset[RelationName]:
    """Sources whose refused rows are no longer where they are looked for: they have to be read again."""
    lost = set()
    for step in context.product.sources:
        token = snapshot.versions.get(step.relation.quarantine)
        if token is not None and not (
            is_quarantine_in(context.quarantine_format, token) and context.tables.has_folder(step.relation.quarantine)
        ):
            lost.add(step.relation)
    return frozenset(lost)


def without_lost(context: ProductContext, snapshot: Snapshot) -> Snapshot:
    """The state as if models whose table, or whose quarantine, is gone had never been computed."""
    stored = [model for model in context.product.models if model.output != "view"]
    gone = {model.relation for model in stored if _is_gone(context, snapshot, model.relation)}
    lost = gone | {model.relation for model in stored if _lost_quarantine(context, snapshot, model)}
    if not lost:
        return snapshot
    return dataclasses.replace(
        snapshot,
        versions={name: token for name, token in snapshot.versions.items() if name not in gone},
        inputs={name: read for name, read in snapshot.inputs.items() if name not in lost},
        recorded={name: row for name, row in snapshot.recorded.items() if name not in lost},
    )


def _lost_quarantine(context: ProductContext, snapshot: Snapshot, model: ModelStep) -> bool:
    return model.judgement is not None and _is_gone(context, snapshot, model.relation.quarantine)


def _is_gone(context: ProductContext, snapshot: Snapshot, table: RelationName) -> bool:
    return table in snapshot.versions and not context.tables.has_folder(table)
