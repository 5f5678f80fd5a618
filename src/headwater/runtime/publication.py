"""From computed rows to staged tables: judge, account and stage one relation of an epoch.

Apart from the computation because sources, appended models and refreshed ones
are judged and published by the same acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import partial
from typing import Final

from headwater.capabilities import TableCapability
from headwater.plan.steps import ModelStep, Recorded, SourceStep
from headwater.quality.checks import ReferenceCheck
from headwater.quality.judging import Judging, judge
from headwater.quality.quarantine import QUARANTINE_SCHEMA
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.runtime.decision import quarantine_token
from headwater.runtime.epoch import Epoch
from headwater.runtime.judging import Judged, examine, split
from headwater.runtime.merging import (
    ChangeSet,
    Rewriting,
    change_set,
    is_spread,
    is_to_be_replaced,
    parts_of,
    replace_later,
    set_aside,
)
from headwater.runtime.moments import latest
from headwater.runtime.naming import naming
from headwater.runtime.state.values import VersionToken
from headwater.runtime.tables import model_spec, quarantine_spec
from headwater.runtime.workbench import Workbench
from headwater.spec.contract import EventTime
from headwater.spi import discovery
from headwater.spi.table import FileSwapper, Footing, PublishMode
from headwater.types import Counts, RelationName, Schema
from headwater.values import frozen

__all__ = ["Publisher", "recorded_model", "recorded_source"]

REFUSALS_UNKNOWN: Final = -1
"""Instead of the rows that are expected: some may be refused."""


@frozen
class Publisher:
    """Publishes relations of one epoch.

    ``published`` are the relations with a table that this state knows; ``fresh``
    means that the state knows nothing, so that tables may be left of a lost one. ``versions`` names
    the contents of these tables.
    """

    epoch: Epoch
    bench: Workbench
    published: frozenset[RelationName]
    fresh: bool
    versions: Mapping[RelationName, VersionToken] = field(default_factory=dict)

    def model(
        self, model: ModelStep, query: str, mode: PublishMode, *, keep: bool, expected: int | None = None
    ) -> None:
        """Compute, judge and stage a model.

        Args:
            query: yields the model's columns and the provenance columns.
            keep: its rows are read again in this epoch, as ``change``.
            expected: how many rows it yields, where ``delta.<name>`` says which of them were gained.
        """
        name = model.relation
        if name not in self.published:
            mode = PublishMode.REPLACE
        anew = mode is PublishMode.REPLACE
        counts: Counts | None = None
        if model.judgement is not None:
            timing = self.epoch.watermarks.timing(name, anew=anew)
            judging = judge(name, model.judgement, model.analysis.schema, history=not anew, timing=timing)
            self.bench.provide_own_history(model.relation, judging)
            candidates = self.bench.create(relation("candidate", name), query)
            judged = self.verdict(judging, candidates, malformed=0)
            counts = judged.counts
            self.epoch.checks.extend(examine(self.bench, judging, model.judgement, counts))
            self.epoch.account(name, counts, replaced=anew)
            self.quarantine(name, model.output, model.fingerprint, counts.late + counts.quarantined, anew=anew)
            self.advance_time(name, model.event_time, model.analysis.schema, anew=anew, judged=judged)
            self.bench.forget_own_history(name)
            query = f"FROM {relation('accepted', name)}"
        elif keep:
            self.bench.create(relation("change", name), query)
            query = f"FROM {relation('change', name)}"
        if counts is None or counts.accepted or anew:
            self._stage(model, query, mode, expected, judged=counts is not None)
        self.epoch.recorded[name] = recorded_model(model)

    def merges(self, model: ModelStep) -> bool:
        """Whether a model's table takes change sets: it has been published, in a format that promises merges.

        Where a contract speaks of time or refers to other relations, rows that stay may be refused by what
        changed elsewhere: the whole is judged again.
        """
        if model.output == "view" or model.relation not in self.published or model.event_time is not None:
            return False
        if model.judgement is not None and any(isinstance(each, ReferenceCheck) for each in model.judgement.checks):
            return False
        return TableCapability.MERGE in discovery.table_format(model.output).capabilities

    def defer(self, model: ModelStep, changes: str) -> None:
        """Keep what a model gained and lost for the last epoch to publish, unless that will replace all of it anyway.

        Where changes lie is looked at once a run, in its first epoch that defers some.

        Args:
            changes: yields them, with their number of times.
        """
        name, located = model.relation, self.epoch.context.located
        if is_to_be_replaced(self.bench, name):
            return
        if name not in located:
            located.add(name)
            footing = self._footing(model)
            if footing is not None and is_spread(self.bench, model, changes, footing):
                replace_later(self.bench, model.program, changes)
                return
        set_aside(self.bench, model.program, changes)

    def changes(self, model: ModelStep, whole: str, *, keep: bool) -> bool:
        """Judge and stage what a model gained and lost, ``delta.<name>``, or all of it where that is cheaper.

        Args:
            whole: yields all rows of the model with provenance columns.
            keep: they are read again in this epoch.

        Returns:
            False: its table is not what was published last, or rows were refused; the whole has to be published.
        """
        name = model.relation
        changed = self._change_set(model)
        if isinstance(changed, Rewriting):
            expected = changed.rows if model.judgement is None else REFUSALS_UNKNOWN
            self.model(model, whole, PublishMode.REPLACE, keep=keep, expected=expected)
        elif changed is not None and self._holds(model, changed):
            self._merge(model, whole, changed)
            return True
        if model.judgement is not None:  # what rules refuse is not known of the rows gained and lost
            self.bench.drop(relation("delta", name))
        return isinstance(changed, Rewriting)

    def _merge(self, model: ModelStep, whole: str, changed: ChangeSet) -> None:
        """Stage a change set whose gained rows were judged."""
        name = model.relation
        self.bench.define(relation("change", name), whole)
        self.epoch.account(name, Counts(read=changed.rows, accepted=changed.rows), replaced=True)
        self.epoch.recorded[name] = recorded_model(model)
        if not changed.is_nothing:
            self.epoch.stage(
                name,
                model.output,
                fingerprint=model.fingerprint,
                query=changed.query,
                spec=model_spec(model),
                mode=PublishMode.MERGE,
                known=model.analysis.schema,
                without=changed.without,
                parts=changed.parts,
            )
            self.epoch.versions[name] = str(self.epoch.number)

    def _change_set(self, model: ModelStep) -> ChangeSet | Rewriting | None:
        """How the model's table comes to its next content; None where it is not what was published last."""
        footing = self._footing(model)
        return None if footing is None else change_set(self.bench, model, footing)

    def _footing(self, model: ModelStep) -> Footing | None:
        """What a change set of the model's table stands on; None where the table is not what was published last."""
        table = self.epoch.context.tables.open(model.relation, model.output)
        footing = table.footing(model_spec(model)) if isinstance(table, FileSwapper) else None
        made = None if footing is None else footing.commit
        if footing is None or made is None or made.fingerprint != model.fingerprint:
            return None
        if (made.relation, str(made.epoch)) != (model.relation, self.versions.get(model.relation)):
            return None
        return footing

    def _holds(self, model: ModelStep, changed: ChangeSet) -> bool:
        """Judge gained rows beside those that stay; False where rows were refused, now or in what is published.

        Raises:
            DataError: a check of the whole content failed.
        """
        name, judgement, bench = model.relation, model.judgement, self.bench
        refused = (
            name.quarantine in self.published
            and self.epoch.context.tables.open(name.quarantine, model.output).row_count()
        )
        if judgement is None or refused:
            return judgement is None
        before = bench.mark()
        judging = judge(name, judgement, model.analysis.schema, history=True)
        bench.define(relation("history", name), changed.survivors)
        origin = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
        candidates = bench.create(relation("candidate", name), f"SELECT *, {origin} FROM ({changed.gained})")
        counts = self.verdict(judging, candidates, malformed=0).counts
        checks = examine(bench, judging, judgement, counts) if not counts.quarantined else ()
        bench.drop_since(before, name)
        self.epoch.checks.extend(checks)
        return not counts.quarantined

    def verdict(self, judging: Judging, candidates: int, *, malformed: int) -> Judged:
        """Split the candidates, after what the judgement reads was provided."""
        self.bench.provide_references(use for use in judging.reads if use.relation != judging.relation)
        return split(self.bench, judging, candidates=candidates, malformed=malformed)

    def advance_time(
        self,
        name: RelationName,
        event_time: EventTime | None,
        schema: Schema,
        *,
        anew: bool,
        judged: Judged | None = None,
        rows: str | None = None,
    ) -> None:
        """Tell the watermarks how far the time of a relation has come with this epoch's rows.

        Args:
            judged: what is known of them; None: nothing.
            rows: what stands in FROM for them; default: ``accepted.<name>``.
        """
        if event_time is None:
            return
        newest = None if judged is None else judged.newest
        if newest is None and (judged is None or judged.counts.accepted):
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
            query = f"SELECT {QUARANTINE_SCHEMA.listed} FROM {rejected}"
        else:
            query = self.bench.nothing(QUARANTINE_SCHEMA)
        mode = PublishMode.APPEND if known and not anew else PublishMode.REPLACE
        self.epoch.stage(target, format, fingerprint=fingerprint, query=query, spec=quarantine_spec(name), mode=mode)
        self.epoch.versions[target] = quarantine_token(format, self.epoch.number)

    def _stage(self, model: ModelStep, query: str, mode: PublishMode, expected: int | None, *, judged: bool) -> None:
        """Stage the rows; what was not judged is accounted for once it is counted."""
        name, empty = model.relation, False

        def count(found: int) -> None:
            nonlocal empty
            empty = not found
            if not judged:
                counts = Counts(read=found, accepted=found)
                self.epoch.account(name, counts, replaced=mode is PublishMode.REPLACE)

        self.epoch.stage(
            name,
            model.output,
            fingerprint=model.fingerprint,
            query=query,
            spec=model_spec(model),
            mode=mode,
            known=model.analysis.schema,
            parts=None if expected is None else parts_of(self.bench, model, query, expected),
            counted=count,
            named=partial(naming, model),
        )
        if mode is PublishMode.APPEND and empty:
            self.epoch.unstage(name)
        else:
            self.epoch.versions[name] = str(self.epoch.number)


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
