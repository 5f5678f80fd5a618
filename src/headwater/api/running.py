"""Running a workspace, and what a surface shows of a run.

Apart from the runtime because a summary needs more than the run itself knows:
where each relation lies and why rows were refused.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.api.planning import plan_beside
from headwater.api.project import Project
from headwater.api.quarantine import ReasonCount, count_reasons
from headwater.errors import HeadwaterError, UsageError, did_you_mean
from headwater.events import Listener
from headwater.quality.changes import SUPERSEDED
from headwater.spi import discovery
from headwater.spi.engine import PreparingEngine
from headwater.spi.table import Preparing
from headwater.types import Counts, RelationName
from headwater.values import frozen

if TYPE_CHECKING:
    from headwater.runtime.report import ProductReport, ProductStatus, RelationReport, RunReport
    from headwater.runtime.state.values import CheckResult

__all__ = ["ProductOutcome", "RelationOutcome", "RunOutcome", "run", "summarise"]


@frozen
class RelationOutcome:
    """One relation in a run.

    ``where`` is the folder of its table, relative to the workspace when inside it; ``superseded`` are the
    accepted changes of a keyed source that changed nothing, because newer ones had come before.
    """

    relation: RelationName
    counts: Counts
    rebuilt: bool
    where: str | None
    superseded: int = 0


@frozen
class ProductOutcome:
    """One product in a run; ``error`` is what stopped it, ``recovered`` the epoch an earlier run left to publish."""

    product: str
    status: ProductStatus
    epochs: int
    seconds: float
    relations: tuple[RelationOutcome, ...]
    checks: tuple[CheckResult, ...]
    recovered: int | None
    error: HeadwaterError | None


@frozen
class RunOutcome:
    """A finished run.

    ``balanced`` is the law ``read = accepted + late + quarantined`` over every
    relation; ``reasons`` why rows were refused in this run, most frequent first.
    """

    run: str
    environment: str
    started_at: datetime
    finished_at: datetime
    nothing_to_do: bool
    balanced: bool
    counts: Counts
    products: tuple[ProductOutcome, ...]
    reasons: tuple[ReasonCount, ...]
    exit_code: int


def run(project: Project, *, products: Sequence[str] = (), listener: Listener | None = None) -> RunOutcome:
    """Run products until their sources are exhausted.

    Failures of the data and of outside systems are part of the outcome; wrong
    declarations are raised before anything is read.

    Args:
        products: run these only; none means all.
        listener: told every event of the run.

    Raises:
        DeclarationErrors: the workspace cannot be planned.
        UsageError: there is no such product, or another process runs the environment.
    """
    planned = plan_beside(project, lambda: _load(project))
    known = [product.product for product in planned.products]
    for name in products:
        if name not in known:
            raise UsageError(f"there is no product '{name}'", hint=did_you_mean(name, known))
    from headwater.runtime import execution

    report = execution.run(
        planned,
        project.layout,
        listeners=[listener] if listener else [],
        products=products or None,
        max_epoch_bytes=project.environment.epoch.bytes,
    )
    return summarise(project, report)


def _load(project: Project) -> None:
    """Import what a run will need."""
    for module in ("headwater.runtime.execution", "headwater.runtime.metadata"):
        importlib.import_module(module)
    with suppress(HeadwaterError):  # the plan finds the words for an engine or a format that is not there
        engine = discovery.engine(project.environment.engine)
        if isinstance(engine, PreparingEngine):
            engine.prepare(project.layout.engine_settings)
        for name in {model.output or project.environment.lake.format for model in project.workspace.models.values()}:
            if name != "view" and isinstance(tables := discovery.table_format(name), Preparing):
                tables.prepare()


def summarise(project: Project, report: RunReport) -> RunOutcome:
    """A run's report, with where relations lie and why rows were refused."""
    refused = [port.relation for port in _ports(report) if port.counts.quarantined]
    reasons = count_reasons(project, refused, run=report.run) if refused else ()
    return RunOutcome(
        run=report.run,
        environment=report.environment,
        started_at=report.started_at,
        finished_at=report.finished_at,
        nothing_to_do=all(product.status == "unchanged" for product in report.products),
        balanced=report.balanced,
        counts=report.counts,
        products=tuple(_outcome(project, product) for product in report.products),
        reasons=reasons,
        exit_code=report.exit_code,
    )


def _ports(report: RunReport) -> Iterator[RelationReport]:
    for product in report.products:
        yield from product.relations


def _outcome(project: Project, report: ProductReport) -> ProductOutcome:
    superseded = Counter[RelationName]()
    for check in report.checks:
        if check.code == SUPERSEDED and isinstance(check.value, int):
            superseded[check.relation] += check.value
    return ProductOutcome(
        product=report.product,
        status=report.status,
        epochs=report.epochs,
        seconds=report.duration.total_seconds(),
        relations=tuple(
            RelationOutcome(
                relation=port.relation,
                counts=port.counts,
                rebuilt=port.rebuilt,
                where=where(project, port.relation),
                superseded=superseded.get(port.relation, 0),
            )
            for port in report.relations
        ),
        checks=report.checks,
        recovered=report.recovered,
        error=report.error,
    )


def where(project: Project, relation: RelationName) -> str | None:
    """The folder of a relation's table, relative to the workspace when inside it; None for what is not stored."""
    model = project.workspace.models.get(relation)
    if model is None or model.output == "view":
        return None
    folder = project.layout.table_folder(relation)
    path = Path(folder)
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else folder
