"""What earlier runs left behind: recorded relations, their status, and the runs themselves.

Apart from running because it only reads the metadata store, and does not
create one where nothing ever ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater.api.project import Project
from headwater.plan.steps import Recorded
from headwater.types import Counts, RelationName
from headwater.values import frozen

if TYPE_CHECKING:
    from headwater.runtime.metadata import MetadataStore, PortStatus, RunRecord

__all__ = ["RelationStatus", "history", "is_run", "recorded_relations", "released_rows", "status"]

_sqlite: Final = "sqlite:///"


@frozen
class RelationStatus:
    """A declared source or model as it stands in the environment.

    ``rows`` is how many rows it has now, None for a source and a view;
    ``published_at`` None when nothing of it ever was; ``failed_checks`` counts
    the dataset checks that failed when it was last judged. ``watermark`` is how far event
    time has advanced, where the contract declares it: no row to come lies before it, else it
    is late; ``lag`` how far that is behind the clock. ``ended`` says that nothing is to come.
    """

    relation: RelationName
    output: str
    rows: int | None
    late: int
    quarantined: int
    failed_checks: int
    published_at: datetime | None
    run: str | None
    epoch: int | None
    watermark: datetime | None = None
    lag: timedelta | None = None
    ended: bool = False


def recorded_relations(project: Project) -> Mapping[RelationName, Recorded]:
    """What the last run in the environment recorded; empty before the first."""
    with _store(project) as store:
        return store.recorded(project.environment.name) if store else {}


def is_run(project: Project, run: str) -> bool:
    """Whether there was such a run in the environment."""
    with _store(project) as store:
        found = store.run(run) if store else None
    return found is not None and found.environment == project.environment.name


def status(project: Project, *, at: datetime | None = None) -> tuple[RelationStatus, ...]:
    """Every declared relation, models first, each by name.

    Args:
        at: the time from which lags are told; default: now.
    """
    now = at or datetime.now(UTC)
    with _store(project) as store:
        found = {port.relation: port for port in store.status(project.environment.name)} if store else {}
    workspace, default = project.workspace, project.environment.lake.format
    models = [(model.relation, model.output or default) for model in workspace.models.values()]
    sources = [(relation, "source") for relation in workspace.sources]
    return tuple(
        _status(relation, output, found.get(relation), now) for relation, output in [*sorted(models), *sorted(sources)]
    )


def released_rows(project: Project, product: str) -> Mapping[str, int]:
    """The refused rows of a product that replays admitted: id to the epoch that released it."""
    with _store(project) as store:
        return store.released(project.environment.name, product) if store else {}


def history(project: Project, *, limit: int = 20) -> tuple[RunRecord, ...]:
    """The newest runs in the environment, newest first."""
    with _store(project) as store:
        return store.runs(limit, environment=project.environment.name) if store else ()


def _status(relation: RelationName, output: str, port: PortStatus | None, now: datetime) -> RelationStatus:
    counts = port.counts if port else Counts()
    watermark = port.watermark.at if port else None
    stored = output not in ("source", "view")
    return RelationStatus(
        relation=relation,
        output=output,
        rows=counts.accepted if stored and port else None,
        late=counts.late,
        quarantined=counts.quarantined,
        failed_checks=port.failed_checks if port else 0,
        published_at=port.changed_at if port else None,
        run=port.run if port else None,
        epoch=port.epoch if port else None,
        watermark=watermark,
        lag=now - watermark if watermark else None,
        ended=port.watermark.ended if port else False,
    )


@contextmanager
def _store(project: Project) -> Iterator[MetadataStore | None]:
    """The environment's metadata store; None when it is a file that is not there."""
    url = project.layout.metadata
    if url.startswith(_sqlite) and not Path(url.removeprefix(_sqlite)).is_file():
        yield None
        return
    from headwater.runtime.metadata import MetadataStore

    with MetadataStore.open(url) as store:
        yield store
