"""A replay: one epoch whose input is the refused rows that were not yet released.

Apart from ordinary epochs because its rows come from the relation's own
quarantine. They pass the same judgement, and those admitted are appended and
pushed to all that reads the relation; their ids are recorded as released in
the same state transaction, so that a row is admitted once, however often and
wherever a replay is stopped. Rows refused again stay as they are.

Whether a row is late is not judged again: somebody asked for it, and models that closed its window
are computed anew.

A row counts as released when it was so in a later epoch than the one that
refused it: when a relation is rebuilt, its refusals and releases begin anew.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from headwater.events import OutboxCleared
from headwater.plan.steps import ModelStep, SourceStep
from headwater.quality.judging import judge
from headwater.quality.literals import text_literal
from headwater.quality.quarantine import QUARANTINE_SCHEMA, row_from_json
from headwater.quality.times import LATE, Timing
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.runtime.commit import ProductContext
from headwater.runtime.compute import Computation, stale_models
from headwater.runtime.decision import Moving, decide, inputs_of, version_tokens
from headwater.runtime.epoch import Epoch
from headwater.runtime.judging import examine, split
from headwater.runtime.keyed_sources import Changes
from headwater.runtime.moments import earliest
from headwater.runtime.ordering import readers_of
from headwater.runtime.product import Progress, stageable
from headwater.runtime.publication import Publisher
from headwater.runtime.quarantine.target import ReplayTarget
from headwater.runtime.source_history import SourceHistory
from headwater.runtime.state import Snapshot
from headwater.runtime.tables import model_spec
from headwater.runtime.watermarks import Watermarks
from headwater.runtime.workbench import Workbench
from headwater.spi.table import PublishMode
from headwater.types import Counts, RelationName, quote_identifier
from headwater.values import frozen

__all__ = ["replay_quarantine"]

refused: Final = quote_identifier("replay.refused")
ranked: Final = quote_identifier("replay.ranked")
rank: Final = "_hw_rank"


def replay_quarantine(context: ProductContext, target: ReplayTarget, progress: Progress) -> None:
    """Judge what a relation's quarantine holds again, and publish what is admitted now.

    Nothing is written when no row is admitted. The product must have been run:
    everything it can read is read, and its outbox is empty.

    Raises:
        DataError: a dataset check would fail with the admitted rows; none of them is published.
    """
    if target.refreshed or not context.tables.open(target.relation.quarantine, target.format).exists():
        return
    snapshot = context.store.snapshot()
    context.store.announce_staging(stageable(context))
    at = context.clock()
    watermarks = Watermarks(context.product, snapshot.watermarks, at, ended=_ended(snapshot))
    epoch = Epoch(context, snapshot.epoch + 1, "replay", at, watermarks)
    epoch.begin()
    try:
        admitted = _Replay(epoch, snapshot, target).fill()
        if admitted:
            epoch.commit_state(cleared=None)
    except BaseException as error:
        epoch.abandon(clean=isinstance(error, Exception))
        raise
    if admitted:
        progress.add(epoch)
        epoch.publish()
    else:
        epoch.abandon(clean=True)
    context.store.settle()
    if admitted:
        context.tell(OutboxCleared(context.name, epoch.number))


@frozen
class _Replay:
    epoch: Epoch
    snapshot: Snapshot
    target: ReplayTarget

    def fill(self) -> int:
        """Judge, stage and push downstream; returns how many rows are admitted."""
        snapshot = self.snapshot
        bench = Workbench(
            self.epoch,
            positions=snapshot.positions,
            foreign=snapshot.foreign,
            published=frozenset(snapshot.versions),
            started=frozenset(snapshot.positions),
        )
        publisher = Publisher(self.epoch, bench, frozenset(snapshot.versions), fresh=False)
        changes = Changes.of(publisher, self.target.step) if isinstance(self.target.step, SourceStep) else None
        admitted = self._judge(bench, changes)
        if not admitted:
            return 0
        name = self.target.relation
        late = bench.count(f"{ranked} WHERE {_admitted(self._own)} AND list_contains(codes, {text_literal(LATE)})")
        # Rows move from late or quarantined to accepted: none is read.
        self.epoch.account(name, Counts(accepted=admitted, late=-late, quarantined=late - admitted), replaced=False)
        publisher.advance_time(name, self.target.step.event_time, self.target.schema, anew=False)
        self.epoch.watermarks.settle()
        match self.target.step:
            case SourceStep() if changes is not None:
                changes.apply()
                self._check(changes, admitted)
            case SourceStep() as step:
                SourceHistory.of(step).remember(bench)
                bench.rows.landed(name, None)
            case ModelStep() as step:
                self._stage(step)
                bench.appended(name)
        self._push(publisher)
        return admitted

    @property
    def _own(self) -> RelationName:
        """The name under which the rows are judged."""
        return RelationName(self.target.relation.product, f"{self.target.relation.name}@replay")

    def _judge(self, bench: Workbench, changes: Changes | None) -> int:
        """Make ``change`` and ``accepted`` of the rows admitted now, and note their ids.

        They are judged under a name of their own, ordered by where they came from:
        the rank stands for the origin while keys are decided, and leads back to it.
        """
        name, schema, own = self.target.relation, self.target.schema, self._own
        columns = schema.listed
        if not self._rank(bench):
            return 0
        candidates = bench.create(
            relation("candidate", own),
            f"SELECT {columns}, CAST('' AS VARCHAR) AS {SOURCE_COLUMN}, {rank} AS {OFFSET_COLUMN} FROM {ranked}",
        )
        if changes is not None:
            judging = changes.judging(own, malformed=False)
        else:
            judging = judge(own, self.target.judgement, schema, history=True, timing=Timing(self.epoch.at))
            self._provide_history(bench, own)
        bench.provide_references(use for use in judging.reads if use.relation != own)
        counts = split(bench, judging, candidates=candidates, malformed=0).counts
        if not counts.accepted:
            return 0
        if changes is None:
            named = dataclasses.replace(judging, relation=name)
            self.epoch.checks.extend(examine(bench, named, self.target.judgement, _kept(counts.accepted)))
        passed = f"{ranked} WHERE {_admitted(own)}"
        bench.create(
            relation("change", name),
            f'SELECT {columns}, source AS {SOURCE_COLUMN}, "offset" AS {OFFSET_COLUMN} FROM {passed}',
        )
        bench.define(relation("accepted", name), f"SELECT {columns} FROM {relation('change', name)}")
        self.epoch.released.extend(row[0] for row in bench.session.fetch(f"SELECT quarantine_id FROM {passed}"))
        bench.rows.release(f"SELECT quarantine_id FROM {passed}")
        return counts.accepted

    def _check(self, changes: Changes, admitted: int) -> None:
        """The rows that the admitted changes leave may not break what the contract demands of all of them."""
        judging = changes.judging(self.target.relation, malformed=False)
        self.epoch.checks.extend(changes.examine(judging, _kept(admitted)))

    def _rank(self, bench: Workbench) -> int:
        """Restore the rows not yet released, in the order of their origin; returns how many there are."""
        context, target = self.epoch.context, self.target
        table = context.tables.open(target.relation.quarantine, target.format)
        bench.session.view(refused, table.scan(), schema=QUARANTINE_SCHEMA)
        restored = ", ".join(
            f"{expression} AS {quote_identifier(column)}"
            for column, expression in row_from_json(target.schema, 'q."row"').items()
        )
        return bench.create(
            ranked,
            f'SELECT {restored}, q.quarantine_id, q.source, q."offset", q.codes, '
            f'row_number() OVER (ORDER BY q.source NULLS LAST, q."offset" NULLS LAST, q.quarantine_id) AS {rank} '
            f'FROM {refused} AS q WHERE q."row" IS NOT NULL AND {bench.rows.unreleased}',
        )

    def _provide_history(self, bench: Workbench, own: RelationName) -> None:
        """What the relation holds already, under the name that judges."""
        name = self.target.relation
        match self.target.step:
            case SourceStep() as step:
                SourceHistory.of(step).provide(bench, anew=False)
                if bench.has(relation("history", name)):
                    bench.define(relation("history", own), f"SELECT * FROM {relation('history', name)}")
            case ModelStep():
                bench.define(relation("history", own), f"SELECT * FROM {bench.earlier(name)}")

    def _stage(self, model: ModelStep) -> None:
        columns = model.analysis.schema.listed
        self.epoch.stage(
            model.relation,
            model.output,
            fingerprint=model.fingerprint,
            query=f"SELECT {columns} FROM {relation('accepted', model.relation)}",
            spec=model_spec(model),
            mode=PublishMode.APPEND,
        )
        self.epoch.versions[model.relation] = str(self.epoch.number)

    def _is_belated(self) -> bool:
        """Whether an admitted row may lie in what has closed; where clocks of others tell its time, it is taken to."""
        step, name = self.target.step, self.target.relation
        event_time = step.event_time
        clocks = step.program.clocks if isinstance(step, ModelStep) else {}
        if event_time is None or any(column.casefold() != event_time.column.casefold() for column in clocks):
            return True
        mark = self.snapshot.watermarks.get(name)
        if mark is None or mark.at is None or mark.ended:
            return mark is not None and mark.ended
        first = earliest(self.epoch.context.session, relation("accepted", name), self.target.schema, event_time)
        return first is not None and first < mark.at

    def _push(self, publisher: Publisher) -> None:
        """Compute what reads the relation: appended models from the admitted rows, replaced ones anew."""
        epoch, snapshot, product = self.epoch, self.snapshot, self.epoch.context.product
        moved = {self.target.relation}
        admitted = frozenset(moved)
        belated = admitted if self._is_belated() else frozenset()
        decision = decide(product, snapshot, Moving(admitted, frozenset(), frozenset(), single=True, belated=belated))
        computation = Computation(product, publisher, decision, readers_of(product), last=True)
        computation.advance(moved)
        tokens = version_tokens(product, snapshot.positions, {**snapshot.versions, **epoch.versions})
        stale = set(stale_models(product, snapshot, decision, tokens))
        for model in product.models:
            if model.relation not in decision.active and not inputs_of(model).isdisjoint(moved | stale):
                stale.add(model.relation)
        stale.discard(self.target.relation)
        computation.refresh(stale)
        tokens = version_tokens(product, snapshot.positions, {**snapshot.versions, **epoch.versions})
        for model in product.models:
            if model.relation in stale and model.output != "view":
                epoch.inputs[model.relation] = {read: tokens.get(read, "") for read in inputs_of(model)}


def _kept(admitted: int) -> Counts:
    """Of a replay only what is admitted counts."""
    return Counts(read=admitted, accepted=admitted)


def _admitted(own: RelationName) -> str:
    """The condition that a ranked row was admitted."""
    return f"{rank} IN (SELECT {OFFSET_COLUMN} FROM {relation('change', own)})"


def _ended(snapshot: Snapshot) -> frozenset[RelationName]:
    """Refused rows that are admitted open no end: nothing new comes in."""
    return frozenset(name for name, mark in snapshot.watermarks.items() if mark.ended)
