"""Executing a plan: products in order, each recovered, run, and written to the metadata store.

The one entry of the runtime. A product that fails is rolled back and reported;
products that read from it are skipped, the others run.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.errors import HeadwaterError, UsageError, did_you_mean
from headwater.events import Event, Listener, ProductFinished, ProductStarted, RunFinished, RunStarted
from headwater.plan.steps import Plan, ProductPlan
from headwater.runtime.commit import ProductContext, Sinks, recover
from headwater.runtime.kept import KeptTables
from headwater.runtime.layout import Layout
from headwater.runtime.locks import at_work, ended
from headwater.runtime.product import Progress, run_product
from headwater.runtime.quarantine import ReplayTarget, find_target, replay_quarantine
from headwater.runtime.report import ProductReport, ProductStatus, RunReport
from headwater.runtime.retry import Sleep
from headwater.runtime.state import StateStore
from headwater.runtime.state.values import VersionToken
from headwater.runtime.tables import Tables
from headwater.spi import discovery
from headwater.spi.engine import Engine
from headwater.spi.source import SourceContext, SourceReader
from headwater.types import RelationName
from headwater.values import frozen

if TYPE_CHECKING:
    from headwater.runtime.metadata import MetadataStore

__all__ = ["new_run_id", "open_product", "run"]

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def new_run_id(at: datetime) -> str:
    """An id that sorts by time and is unique: ``20260102T030405-1a2b3c``."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def run(
    plan: Plan,
    layout: Layout,
    *,
    listeners: Sequence[Listener] = (),
    clock: Clock = now,
    run_id: str | None = None,
    products: Sequence[str] | None = None,
    replay: RelationName | None = None,
    max_epoch_bytes: int = 256 * 1024 * 1024,
    sleep: Sleep = time.sleep,
) -> RunReport:
    """Run everything that a plan names until its inputs are exhausted.

    Args:
        layout: where the environment's work files lie.
        listeners: told every event; one that raises stops the run where it stands.
        products: run these only; None means all.
        replay: behind the run of this relation's product, judge its refused rows again and
            publish those admitted now; only that product is run.
        max_epoch_bytes: about how much of each source one epoch takes.

    Raises:
        UsageError: there is no such product; the refused rows of ``replay`` cannot be judged again.
        TransientError: the environment's tables are being maintained.
        HeadwaterError: the run could not start. What fails inside a product is in the report.
    """
    from headwater.runtime.metadata import MetadataStore

    started_at = clock()
    target = find_target(plan, replay, quarantine_format(layout)) if replay else None
    if replay:
        products = (replay.product,)
    chosen = _chosen(plan, products)
    names = tuple(product.product for product in chosen)
    id = run_id or new_run_id(started_at)  # noqa: A001
    tell = _Teller(tuple(listeners))
    layout.folder.mkdir(parents=True, exist_ok=True)
    try:
        with at_work(layout, id), MetadataStore.open(layout.metadata) as metadata:
            for dead in ended(layout):
                metadata.interrupt_run(dead, None)
            metadata.start_run(id, plan, names, started_at)
            try:
                tell(RunStarted(id, plan.environment.name, names, started_at))
                drive = _Drive(id, layout, Tables(layout), metadata, tell, clock, max_epoch_bytes, sleep, target)
                reports = tuple(drive.run_all(chosen))
            except BaseException:
                metadata.interrupt_run(id, clock())
                raise
            finished = RunReport(id, plan.environment.name, started_at, clock(), reports)
            metadata.finish_run(finished)
        tell(RunFinished(id, finished.finished_at, bool(finished.failures)))
    except _ListenerFailed as stopped:
        raise stopped.error from None
    return finished


class _ListenerFailed(BaseException):
    """A listener raised: no product failed, the run is to stop."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@frozen
class _Teller:
    """Tells every listener; what one raises passes all handlers of failed products."""

    listeners: tuple[Listener, ...]

    def __call__(self, event: Event) -> None:
        try:
            for listener in self.listeners:
                listener(event)
        except Exception as error:
            raise _ListenerFailed(error) from error


def _chosen(plan: Plan, names: Sequence[str] | None) -> list[ProductPlan]:
    if names is None:
        return list(plan.products)
    known = [product.product for product in plan.products]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no product '{name}'", hint=did_you_mean(name, known))
    return [product for product in plan.products if product.product in names]


@frozen
class _Drive:
    """What all products of a run share; ``contents`` names the contents of what was run so far."""

    id: str
    layout: Layout
    tables: Tables
    metadata: MetadataStore
    tell: Listener
    clock: Clock
    max_epoch_bytes: int
    sleep: Sleep
    replay: ReplayTarget | None
    contents: dict[RelationName, VersionToken] = field(default_factory=dict)

    def run_all(self, products: Sequence[ProductPlan]) -> Iterator[ProductReport]:
        """Run products in order; those that read from one that failed are skipped."""
        broken: set[str] = set()
        for product in products:
            if broken.isdisjoint(port.relation.product for port in product.foreign):
                report = self.run(product)
            else:
                report = ProductReport(product.product, "skipped")
            if report.status in ("failed", "skipped"):
                broken.add(product.product)
            self.metadata.finish_product(self.id, report, self.clock())
            yield report

    def _complete(self, product: ProductPlan) -> Mapping[RelationName, bool]:
        """Which relations of the products that one reads from have ended: asked before their tables are looked at."""
        if not product.foreign:
            return {}
        marks = self.metadata.watermarks(self.layout.environment.name)
        return {name: mark.ended for name, mark in marks.items()}

    def run(self, product: ProductPlan) -> ProductReport:
        """Run a product; what fails is reported, an interrupt passes through."""
        began = self.clock()
        progress = Progress()
        recovered: int | None = None
        error: HeadwaterError | None = None
        self.tell(ProductStarted(self.id, product.product, len(product.models)))
        try:
            with open_product(
                self.layout,
                product,
                run_id=self.id,
                tables=self.tables,
                tell=self.tell,
                clock=self.clock,
                sleep=self.sleep,
            ) as context:
                self.metadata.start_product(self.id, self.layout.environment.name, product.product)
                try:
                    snapshot = context.store.snapshot()
                    recovered = recover(context, snapshot)
                    if recovered is not None:
                        snapshot = context.store.snapshot()
                    snapshot = run_product(
                        context,
                        snapshot,
                        progress,
                        contents=self.contents,
                        complete=self._complete(product),
                        max_bytes=self.max_epoch_bytes,
                    )
                    if self.replay is not None:
                        replay_quarantine(context, self.replay, progress)
                        snapshot = context.store.snapshot()
                    self.contents.update(snapshot.contents)
                finally:
                    # What the store misses now it takes over after the product's next run.
                    with contextlib.suppress(HeadwaterError):
                        self.metadata.absorb(self.layout.environment.name, product.product, context.store)
            self.tell(ProductFinished(self.id, product.product, progress.epochs))
        except HeadwaterError as raised:
            error = raised
        except Exception as raised:
            error = _defect(product.product, raised)
        status: ProductStatus = "failed" if error else "done" if progress.epochs or recovered else "unchanged"
        return ProductReport(
            product=product.product,
            status=status,
            epochs=progress.epochs,
            relations=progress.relations(),
            checks=tuple(progress.checks),
            duration=self.clock() - began,
            error=error,
            recovered=recovered,
        )


@contextlib.contextmanager
def open_product(
    layout: Layout, product: ProductPlan, *, run_id: str, tables: Tables, tell: Listener, clock: Clock, sleep: Sleep
) -> Iterator[ProductContext]:
    """Open a product's state and sources for one writer.

    Raises:
        UsageError: another process has the state open.
        TerminalError: the state was written by a newer version.
    """
    state = layout.state(product.product)
    state.parent.mkdir(parents=True, exist_ok=True)
    layout.spool.mkdir(parents=True, exist_ok=True)
    engine: Engine = discovery.engine(layout.environment.engine)
    with (
        engine.open(str(state), layout.engine_settings) as session,
        Sinks(product, tables, tell, sleep) as sinks,
    ):
        yield ProductContext(
            product=product,
            run=run_id,
            session=session,
            kept=KeptTables(session),
            store=StateStore(session),
            tables=tables,
            sinks=sinks,
            readers=_readers(layout, product),
            tell=tell,
            clock=clock,
            quarantine_format=quarantine_format(layout),
        )


def quarantine_format(layout: Layout) -> str:
    """The table format of sources' quarantine: the environment's own."""
    declared = layout.environment.lake.format
    return "parquet" if declared == "view" else declared


def _readers(layout: Layout, product: ProductPlan) -> dict[RelationName, SourceReader]:
    context = SourceContext(root=str(layout.root), spool=str(layout.spool))
    return {step.relation: discovery.source(step.source.kind).open(step.source, context) for step in product.sources}


def _defect(product: str, raised: Exception) -> HeadwaterError:
    error = HeadwaterError(
        f"the product {product} could not be run: {type(raised).__name__}: {raised}",
        detail="what was durable before stays, and the next run goes on from there",
        hint="this may be a defect of headwater: please report it",
    )
    error.__cause__ = raised
    return error
