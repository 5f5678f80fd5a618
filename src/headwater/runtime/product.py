"""Running one product: epochs until nothing new is left, the last of which also computes what is stale.

Apart from the run over all products so that one product can be run, recovered
and tested alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.errors import HeadwaterError
from headwater.events import OutboxCleared
from headwater.plan.steps import ProductPlan, Recorded
from headwater.runtime.chunks import ChunkStream, open_streams
from headwater.runtime.commit import ProductContext
from headwater.runtime.compute import Computation, stale_models
from headwater.runtime.decision import (
    Decision,
    Moving,
    decide,
    inputs_of,
    reread_sources,
    reset_sources,
    version_tokens,
)
from headwater.runtime.epoch import Epoch
from headwater.runtime.foreign import ForeignNews, ask_foreign
from headwater.runtime.intake import Intake
from headwater.runtime.losses import lost_sources, without_lost
from headwater.runtime.ordering import readers_of
from headwater.runtime.publication import Publisher, recorded_model, recorded_source
from headwater.runtime.report import RelationReport
from headwater.runtime.state import CheckResult, Snapshot, StagedTable
from headwater.runtime.state.values import VersionToken
from headwater.runtime.watermarks import Progression, Watermarks
from headwater.runtime.workbench import Workbench
from headwater.spi.source import Chunk
from headwater.types import Counts, RelationName
from headwater.values import frozen

__all__ = ["Progress", "run_product", "stageable"]


@dataclass(slots=True)
class Progress:
    """What a product's run has made durable so far; it stands when the run fails later."""

    epochs: int = 0
    counts: dict[RelationName, Counts] = field(default_factory=dict)
    rebuilt: set[RelationName] = field(default_factory=set)
    checks: list[CheckResult] = field(default_factory=list)

    def add(self, epoch: Epoch) -> None:
        self.epochs += 1
        for name, row in epoch.ledger.items():
            self.counts[name] = self.counts.get(name, Counts()) + row.counts
        self.checks.extend(epoch.checks)

    def relations(self) -> tuple[RelationReport, ...]:
        return tuple(RelationReport(name, counts, name in self.rebuilt) for name, counts in self.counts.items())


@frozen
class _Run:
    """What is decided before the first epoch and holds for all of them."""

    context: ProductContext
    decision: Decision
    moving: Moving
    news: ForeignNews
    contents: Mapping[RelationName, VersionToken]
    streams: Mapping[RelationName, ChunkStream]
    readers: Mapping[RelationName, frozenset[RelationName]]
    progression: Progression

    @property
    def has_more(self) -> bool:
        """Whether a source has rows for another epoch."""
        return any(stream.ahead for stream in self.streams.values())


def run_product(
    context: ProductContext,
    snapshot: Snapshot,
    progress: Progress,
    *,
    contents: Mapping[RelationName, VersionToken],
    complete: Mapping[RelationName, bool],
    max_bytes: int,
) -> Snapshot:
    """Run a recovered product until its inputs are exhausted and nothing is stale.

    Args:
        snapshot: the state, with an empty outbox.
        progress: receives what became durable.
        contents: names of other products' contents, as far as this run knows them.
        complete: which relations of other products have ended, as far as they tell.
        max_bytes: about how much of each source an epoch takes.

    Returns:
        The state as it is now.
    """
    product = context.product
    reset = reset_sources(product, snapshot) | lost_sources(context, snapshot)
    for name in reread_sources(product, snapshot, reset):
        if "replay" in context.readers[name].capabilities:
            context.readers[name].replay(snapshot.positions[name])
    fresh = snapshot.epoch == 0
    snapshot = without_lost(context, snapshot)
    snapshot = dataclasses.replace(
        snapshot,
        epoch=_epoch_of_lost_state(context) if fresh else snapshot.epoch,
        positions={name: at for name, at in snapshot.positions.items() if name not in reset},
        watermarks={name: mark for name, mark in snapshot.watermarks.items() if name not in reset},
    )
    streams = open_streams(product.sources, context.readers, snapshot.positions, max_bytes=max_bytes)
    news = ask_foreign(product.foreign, snapshot, contents, context.tables, context.session)
    gained = {name for name, found in news.gained.items() if found.rows is not None}
    single = all(stream.ahead < 2 for stream in streams.values())
    progression = Progression(product, snapshot.watermarks, frozenset(streams.keys() | gained), complete)
    belated = progression.reopened | news.belated
    moving = Moving(frozenset(streams.keys() | gained), news.replaced, reset, single, belated)
    decision = decide(product, snapshot, moving)
    run = _Run(context, decision, moving, news, contents, streams, readers_of(product), progression)
    if not (
        streams or news.gained or reset or belated or progression.stirs(context.clock()) or _pending(run, snapshot)
    ):
        return snapshot
    progress.rebuilt |= decision.rebuild | reset
    context.store.announce_staging(stageable(context))
    snapshot = _run_epochs(run, snapshot, progress, fresh=fresh)
    context.store.settle()
    context.tell(OutboxCleared(context.name, snapshot.epoch))
    return snapshot


def _run_epochs(run: _Run, snapshot: Snapshot, progress: Progress, *, fresh: bool) -> Snapshot:
    """At least one epoch, and as many as the sources have rows for; returns the state behind the last."""
    before: Epoch | None = None
    while before is None or run.has_more:
        try:
            epoch = _run_epoch(run, snapshot, before, fresh=fresh and before is None)
        except Exception as error:
            if before is not None:
                _finish_beside(before, error)
            raise
        progress.add(epoch)
        snapshot = _after(snapshot, epoch)
        # The first epoch's rows are waited for, and behind the last there is nothing to do meanwhile.
        if before is None or not run.has_more:
            epoch.publish()
        else:
            epoch.begin_publishing()
        before = epoch
    return snapshot


def _finish_beside(before: Epoch, error: Exception) -> None:
    """Finish the publication of an epoch behind which another one failed; that it fails too comes first."""
    try:
        before.finish_publishing()
    except HeadwaterError as failed:
        raise failed from error


def _run_epoch(run: _Run, snapshot: Snapshot, before: Epoch | None, *, fresh: bool) -> Epoch:
    """One epoch up to and including its state commit; whatever fails until then leaves nothing of it.

    Args:
        before: this run's last epoch, whose outbox this one's replaces: until then every sink has what is in it.
    """
    context, chunks = run.context, _take(run)
    last = not run.has_more
    at = context.clock()
    deferred = set() if last else {model.relation for model in context.product.models} - run.decision.active
    ended = run.progression.ended({name for name, stream in run.streams.items() if stream.ahead})
    watermarks = Watermarks(context.product, snapshot.watermarks, at, ended=ended, deferred=deferred)
    epoch = Epoch(context, snapshot.epoch + 1, "append", at, watermarks)
    epoch.begin()
    try:
        _fill(run, epoch, snapshot, chunks, first=before is None, last=last, fresh=fresh)
        if before is not None:
            before.finish_publishing()
        epoch.commit_state(cleared=None if before is None else before.number)
    except BaseException as error:
        epoch.abandon(clean=isinstance(error, Exception))
        raise
    return epoch


def _fill(
    run: _Run,
    epoch: Epoch,
    snapshot: Snapshot,
    chunks: Mapping[RelationName, Chunk],
    *,
    first: bool,
    last: bool,
    fresh: bool,
) -> None:
    product, decision = run.context.product, run.decision
    if first:
        epoch.foreign_contents = run.contents
        _enter(run, epoch, snapshot)
    foreign = run.news.gained if first else {}
    bench = Workbench(
        epoch,
        positions={**snapshot.positions, **{name: chunk.position for name, chunk in chunks.items()}},
        foreign={**snapshot.foreign, **{name: found.version for name, found in foreign.items()}},
        published=frozenset(snapshot.versions),
        started=frozenset(snapshot.positions),
    )
    publisher = Publisher(epoch, bench, frozenset(snapshot.versions), fresh, snapshot.versions)
    intake = Intake(publisher, decision.wanted, run.moving.reset if first else frozenset(), run.moving.replaced)
    moved = intake.sources(product.sources, chunks) | intake.foreign(product.foreign, foreign)
    if not first:  # whose rows are waited for most: nothing else is done meanwhile
        intake.prepare(product.sources, {name: stream.upcoming for name, stream in run.streams.items() if stream.ahead})
    epoch.watermarks.settle()
    computation = Computation(product, publisher, decision, run.readers, last)
    computation.advance(moved)
    if last:
        epoch.kind = "append" if chunks or foreign else "refresh"
        positions = {**snapshot.positions, **epoch.positions}
        tokens = version_tokens(product, positions, _versions(snapshot, epoch))
        stale = stale_models(product, snapshot, decision, tokens)
        computation.refresh(stale)
        tokens = version_tokens(product, positions, _versions(snapshot, epoch))
        for model in product.models:
            if model.relation in stale and model.output != "view":
                epoch.inputs[model.relation] = {read: tokens.get(read, "") for read in inputs_of(model)}
    else:
        for name in decision.rebuild & snapshot.recorded.keys():
            epoch.recorded[name] = dataclasses.replace(snapshot.recorded[name], fingerprint="")


def _take(run: _Run) -> dict[RelationName, Chunk]:
    """One chunk of every source that has more; of a source whose changes nobody reads, all that can be scanned."""
    chunks: dict[RelationName, Chunk] = {}
    for step in run.context.product.sources:
        stream = run.streams.get(step.relation)
        if stream is not None and stream.ahead:
            unread = step.relation not in run.decision.wanted and step.judgement is None
            chunks[step.relation] = stream.take_all() if unread else stream.take()
    return chunks


def _enter(run: _Run, epoch: Epoch, snapshot: Snapshot) -> None:
    """What only the first epoch of a run records: changed descriptions, sources, what was removed."""
    product = run.context.product
    present = {step.relation for step in product.sources} | {model.relation for model in product.models}
    epoch.removed = (*sorted(snapshot.recorded.keys() - present), *sorted(run.moving.reset))
    for name in snapshot.kept.intersection(epoch.removed):
        run.context.kept.forget(name)
    for row in _updates(product, snapshot):
        epoch.recorded[row.relation] = row


def _updates(product: ProductPlan, snapshot: Snapshot) -> list[Recorded]:
    """Records that differ though nothing has to be computed for it."""
    rows = [recorded_source(step) for step in product.sources]
    rows += [
        recorded_model(model)
        for model in product.models
        if (known := snapshot.recorded.get(model.relation)) is not None and known.fingerprint == model.fingerprint
    ]
    return [row for row in rows if snapshot.recorded.get(row.relation) != row]


def _pending(run: _Run, snapshot: Snapshot) -> bool:
    """Whether anything is to do although no input moved."""
    product = run.context.product
    tokens = version_tokens(product, snapshot.positions, snapshot.versions)
    present = {step.relation for step in product.sources} | {model.relation for model in product.models}
    return bool(
        stale_models(product, snapshot, run.decision, tokens)
        or run.decision.active - snapshot.recorded.keys()
        or snapshot.recorded.keys() - present
        or _updates(product, snapshot)
    )


def stageable(context: ProductContext) -> list[StagedTable]:
    """Every table that this run may stage files for."""
    product = context.product
    tables = [StagedTable(step.relation.quarantine, context.quarantine_format) for step in product.sources]
    for model in product.models:
        if model.output != "view":
            tables.append(StagedTable(model.relation, model.output))
            if model.judgement is not None:
                tables.append(StagedTable(model.relation.quarantine, model.output))
    return tables


def _epoch_of_lost_state(context: ProductContext) -> int:
    """The newest epoch that tables of this product carry though the state knows none.

    A sink takes an epoch it has seen for a repetition, so a new state must count on from there.
    """
    newest = 0
    for staged in stageable(context):
        if not context.tables.has_folder(staged.relation):
            continue
        table = context.tables.open(staged.relation, staged.format)
        if table.exists():
            epochs = (version.commit.epoch for version in table.versions() if version.commit is not None)
            newest = max(newest, *epochs, 0)
    return newest


def _after(snapshot: Snapshot, epoch: Epoch) -> Snapshot:
    """The state once an epoch is durable."""
    return dataclasses.replace(
        snapshot,
        epoch=epoch.number,
        origin=snapshot.origin or epoch.context.run,
        positions={**snapshot.positions, **epoch.positions},
        foreign={**snapshot.foreign, **epoch.foreign},
        foreign_contents={**snapshot.foreign_contents, **epoch.foreign_contents},
        foreign_identities={**snapshot.foreign_identities, **epoch.foreign_identities},
        versions=_versions(snapshot, epoch),
        inputs={**snapshot.inputs, **epoch.inputs},
        recorded={**snapshot.recorded, **epoch.recorded},
        watermarks={**snapshot.watermarks, **epoch.watermarks.changed},
    )


def _versions(snapshot: Snapshot, epoch: Epoch) -> dict[RelationName, str]:
    return {**snapshot.versions, **epoch.versions}
