"""Keeping tables small and fast: every published table of an environment, or one.

Apart from running because it changes no content and may be done at any time
between runs; beside one it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from headwater.api.project import Project, relation_named
from headwater.api.shelf import formats
from headwater.runtime.locks import maintaining
from headwater.runtime.tables import Tables
from headwater.spi.table import MaintenancePolicy, MaintenanceReport
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["MaintainedTable", "maintain"]


@frozen
class MaintainedTable:
    """A table and what was done to it; ``report`` is None in a dry run."""

    relation: RelationName
    format: str
    versions: int
    report: MaintenanceReport | None


def maintain(
    project: Project, relation: str | None = None, *, keep: timedelta = timedelta(days=7), dry_run: bool = False
) -> tuple[MaintainedTable, ...]:
    """Compact small files and expire versions older than ``keep``.

    Args:
        relation: this relation and its quarantine only; None is all.
        dry_run: tell what would be maintained and change nothing.

    Raises:
        UsageError: there is no such relation.
        TransientError: a run is under way in the environment.
        OutsideError: a table's storage failed.
    """
    with nullcontext() if dry_run else maintaining(project.layout):
        return tuple(_maintained(project, relation, keep, dry_run=dry_run))


def _maintained(project: Project, relation: str | None, keep: timedelta, *, dry_run: bool) -> Iterator[MaintainedTable]:
    tables = Tables(project.layout)
    only = relation_named(project, relation) if relation else None
    policy = MaintenancePolicy(keep=keep)
    for name, kind in sorted(formats(project).items()):
        table = tables.open(name, kind)
        if (only is not None and name not in (only, only.quarantine)) or not table.exists():
            continue
        versions = len(table.versions())
        report = None if dry_run else table.maintain(policy, now=datetime.now(UTC))
        yield MaintainedTable(name, kind, versions, report)
