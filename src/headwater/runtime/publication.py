"""From computed rows to staged tables: judge, account and stage one relation of an epoch.

Apart from the computation because sources, appended models and refreshed ones
are judged and published by the same acts.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.plan.steps import ModelStep, Recorded, SourceStep
from headwater.quality.judging import Judging, judge
from headwater.quality.quarantine import QUARANTINE_SCHEMA
from headwater.relations import relation
from headwater.runtime.decision import quarantine_token
from headwater.runtime.epoch import Epoch
from headwater.runtime.judging import examine, split
from headwater.runtime.moments import latest
from headwater.runtime.tables import model_spec, quarantine_spec
from headwater.runtime.workbench import Workbench, listed
from headwater.spec.contract import EventTime
from headwater.spi.table import PublishMode
from headwater.types import Counts, RelationName, Schema

__all__ = ["Publisher", "recorded_model", "recorded_source"]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes relations of one epoch.

    ``published`` are the relations with a table that this state knows; ``fresh``
    means that the state knows nothing, so that tables may be left of a lost one.
    """

    epoch: Epoch
    bench: Workbench
    published: frozenset[RelationName]
    fresh: bool

    def model(self, model: ModelStep, query: str, mode: PublishMode, *, keep: bool) -> int:
        """Compute, judge and stage a model; returns how many rows go to its table.

        Args:
            query: yields the model's columns and the provenance columns.
            keep: its rows are read again in this epoch, as ``change``.
        """
        name = model.relation
        if name not in self.published:
            mode = PublishMode.REPLACE
        anew = mode is PublishMode.REPLACE
        counts: Counts | None = None
        rows = f"({query})"
        if model.judgement is not None:
            timing = self.epoch.watermarks.timing(name, anew=anew)
            judging = judge(name, model.judgement, model.analysis.schema, history=not anew, timing=timing)
            self.bench.provide_own_history(model.relation, judging)
            candidates = self.bench.create(relation("candidate", name), query)
            counts = self.verdict(judging, candidates, malformed=0)
            self.epoch.checks.extend(examine(self.bench, judging, model.judgement, counts))
            self.epoch.account(name, counts, replaced=anew)
            self.quarantine(name, model.output, model.fingerprint, counts.late + counts.quarantined, anew=anew)
            self.advance_time(name, model.event_time, model.analysis.schema, anew=anew)
            self.bench.forget_own_history(name)
            rows = relation("accepted", name)
        elif keep:
            self.bench.create(relation("candidate", name), query)
            self.bench.define(relation("change", name), f"SELECT * FROM {relation('candidate', name)}")
            rows = relation("candidate", name)
        published = self._stage(model, rows, mode)
        if counts is None:
            self.epoch.account(name, Counts(read=published, accepted=published), replaced=anew)
        self.epoch.recorded[name] = recorded_model(model)
        return published

    def verdict(self, judging: Judging, candidates: int, *, malformed: int) -> Counts:
        """Split the candidates, after what the judgement reads was provided."""
        self.bench.provide_references(use for use in judging.reads if use.relation != judging.relation)
        return split(self.bench, judging, candidates=candidates, malformed=malformed)

    def advance_time(
        self, name: RelationName, event_time: EventTime | None, schema: Schema, *, anew: bool, rows: str | None = None
    ) -> None:
        """Tell the watermarks how far the time of a relation has come with this epoch's rows.

        Args:
            rows: what stands in FROM for them; default: ``accepted.<name>``.
        """
        if event_time is not None:
            newest = latest(self.bench.session, rows or relation("accepted", name), schema, event_time)
            self.epoch.watermarks.accept(name, newest, anew=anew)

    def quarantine(self, name: RelationName, format: str, fingerprint: str, rows: int, *, anew: bool) -> None:
        """Stage ``rejected.<name>``; ``anew``: the table is to hold these rows only."""
        target = name.quarantine
        known = target in self.published
        stale = (anew and known) or (self.fresh and self.epoch.context.tables.open(target, format).exists())
        if not rows and not stale:
            return
        rejected = relation("rejected", name)
        if self.bench.has(rejected):
            query = f"SELECT {listed(QUARANTINE_SCHEMA)} FROM {rejected}"
        else:
            query = self.bench.nothing(QUARANTINE_SCHEMA)
        mode = PublishMode.APPEND if known and not anew else PublishMode.REPLACE
        self.epoch.stage(target, format, fingerprint=fingerprint, query=query, spec=quarantine_spec(name), mode=mode)
        self.epoch.versions[target] = quarantine_token(format, self.epoch.number)

    def _stage(self, model: ModelStep, rows: str, mode: PublishMode) -> int:
        query = f"SELECT {listed(model.analysis.schema)} FROM {rows}"
        published = self.epoch.stage(
            model.relation,
            model.output,
            fingerprint=model.fingerprint,
            query=query,
            spec=model_spec(model),
            mode=mode,
            known=model.analysis.schema,
        )
        if mode is PublishMode.APPEND and not published:
            self.epoch.unstage(model.relation)
        else:
            self.epoch.versions[model.relation] = str(self.epoch.number)
        return published


def recorded_model(model: ModelStep) -> Recorded:
    """What the state remembers of a model once it is computed."""
    return Recorded(
        relation=model.relation,
        fingerprint=model.fingerprint,
        own_fingerprint=model.own_fingerprint,
        schema=model.analysis.schema,
        canonical=model.analysis.canonical,
        metadata_fingerprint=model.metadata_fingerprint,
        output=model.output,
        traits=dict(model.traits),
    )


def recorded_source(step: SourceStep) -> Recorded:
    """What the state remembers of a source."""
    return Recorded(
        relation=step.relation,
        fingerprint=step.fingerprint,
        own_fingerprint=step.fingerprint,
        schema=step.schema,
        canonical="",
        metadata_fingerprint=step.metadata_fingerprint,
        output="",
        traits=dict(step.traits),
    )
