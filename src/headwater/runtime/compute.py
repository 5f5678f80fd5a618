"""Computing the models of an epoch: appended ones from changes, the others anew from history.

Apart from publication because here it is decided what runs; there, what
becomes of the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from headwater.incremental.program import compose
from headwater.plan.steps import ModelStep, ProductPlan
from headwater.runtime.decision import Decision, inputs_of, outdated
from headwater.runtime.merging import forget_unpublished, gather, is_to_be_replaced
from headwater.runtime.naming import naming
from headwater.runtime.programs import content, run_steps
from headwater.runtime.publication import Publisher, recorded_model
from headwater.runtime.state import Snapshot
from headwater.runtime.state.values import VersionToken
from headwater.spi.table import PublishMode
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Computation", "stale_models"]


@frozen
class Computation:
    """Runs models in one epoch.

    ``readers`` says which models of the product read each of them. The ``last``
    epoch of a run also computes what is stale, from history. ``changes`` are queries of what keyed models gained
    and lost in this epoch.
    """

    product: ProductPlan
    publisher: Publisher
    decision: Decision
    readers: Mapping[RelationName, frozenset[RelationName]]
    last: bool
    changes: dict[RelationName, str] = field(default_factory=dict)

    def advance(self, moved: set[RelationName]) -> None:
        """Run the active models whose inputs gained rows, and those that were never published.

        Args:
            moved: relations with a ``change`` relation; appended models are added.
        """
        bench = self.publisher.bench
        for model in self.product.models:
            name = model.relation
            if name in self.decision.keyed:
                self._keep_up(model, moved)
            if name not in self.decision.active:
                continue
            if model.output == "view":
                if any(read.relation in moved for read in model.program.inputs):
                    moved.add(name)
                self.publisher.epoch.recorded[name] = recorded_model(model)
                continue
            if name in self.publisher.published and not self._stirred(model, moved):
                continue
            with naming(model):
                query = self._appended(model)
                self.publisher.model(model, query, PublishMode.APPEND, keep=self._read_again(model))
            bench.appended(name)
            moved.add(name)

    def _appended(self, model: ModelStep) -> str:
        """The query of what a model appends in this epoch."""
        bench, program = self.publisher.bench, model.program
        if program.steps:
            return run_steps(bench, program, anew=False)
        inputs = ((read.relation, read.role) for read in program.inputs)
        return bench.over(inputs, compose(program.statements))

    def _stirred(self, model: ModelStep, moved: set[RelationName]) -> bool:
        """Whether a model's inputs gained rows, or the time that it waits for has come nearer."""
        watermarks = self.publisher.epoch.watermarks
        return any(
            watermarks.has_moved(read.relation) if read.role == "watermark" else read.relation in moved
            for read in model.program.inputs
        )

    def _keep_up(self, model: ModelStep, moved: set[RelationName]) -> None:
        """Bring what a replaced model keeps up to date; what reads replaced relations waits for the last epoch."""
        self.publisher.epoch.recorded[model.relation] = recorded_model(model)
        if self.last and _reads_replaced(model):
            return
        if model.relation not in self.publisher.published or self._stirred(model, moved):
            with naming(model):
                self.changes[model.relation] = run_steps(self.publisher.bench, model.program, anew=False)
                if not self.last and self.publisher.merges(model):
                    self.publisher.defer(model, self.changes[model.relation])

    def refresh(self, stale: Collection[RelationName]) -> None:
        """Compute stale models anew, in dependency order."""
        bench, epoch = self.publisher.bench, self.publisher.epoch
        for model in self.product.models:
            name = model.relation
            if name not in stale:
                continue
            epoch.recorded[name] = recorded_model(model)
            if model.output == "view":
                continue
            keep = not self.readers.get(name, frozenset()).isdisjoint(stale)
            with naming(model):
                whole = self._whole(model)
                if not (name in self.decision.keyed and self._merged(model, whole, keep=keep)):
                    self.publisher.model(model, whole, PublishMode.REPLACE, keep=keep)
                forget_unpublished(bench, name)
            bench.replaced(name)

    def _merged(self, model: ModelStep, whole: str, *, keep: bool) -> bool:
        """Whether a keyed model could be published by what it gained and lost since it was."""
        if not self.publisher.merges(model) or is_to_be_replaced(self.publisher.bench, model.relation):
            return False
        gather(self.publisher.bench, model, self.changes.get(model.relation))
        return self.publisher.changes(model, whole, keep=keep)

    def _whole(self, model: ModelStep) -> str:
        """The query of all that a model yields."""
        bench, program, decision = self.publisher.bench, model.program, self.decision
        if model.relation in decision.keyed:
            if _reads_replaced(model):
                self.changes[model.relation] = run_steps(bench, program, anew=False)
            return content(program)
        if model.relation in decision.kept:
            bench.kept.forget(model.relation)
        if program.steps and (not program.is_late_to_keep or model.relation in decision.seeding):
            last = run_steps(bench, program, anew=True)
            return last if program.content is None else content(program)
        inputs = ((read, program.rebuild_role) for read in model.analysis.reads)
        return bench.over(inputs, compose(program.rebuild))

    def _read_again(self, model: ModelStep) -> bool:
        """Whether anything in this epoch reads what the model appends."""
        readers = self.readers.get(model.relation, frozenset())
        return bool(readers) and (self.last or not readers.isdisjoint(self.decision.active | self.decision.keyed))


def _reads_replaced(model: ModelStep) -> bool:
    return any(read.role == "delta" for read in model.program.inputs)


def stale_models(
    product: ProductPlan,
    snapshot: Snapshot,
    decision: Decision,
    tokens: Mapping[RelationName, VersionToken],
) -> frozenset[RelationName]:
    """The models whose content no longer follows from their inputs, and all that follows from them.

    Args:
        snapshot: what is recorded of models, and of the tokens they were computed from.
        tokens: names of the present contents, see :func:`headwater.runtime.decision.version_tokens`.
    """
    stale = set(decision.rebuild)
    for model in product.models:
        name = model.relation
        if name in decision.active or name in stale:
            continue
        known = snapshot.recorded.get(name)
        reads = inputs_of(model)
        if (
            known is None
            or known.fingerprint != model.fingerprint
            or not reads.isdisjoint(stale)
            or outdated(model, snapshot, tokens)
        ):
            stale.add(name)
    return frozenset(stale)
