"""``headwater maintain``: files compacted and versions expired, table by table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["maintain"]


def maintain(settings: Settings, relation: str | None, *, dry_run: bool, keep_days: int) -> None:
    """Maintain every published table, or one."""
    project = api.load(settings.directory, settings.environment)
    maintained = api.maintain(project, relation, keep=timedelta(days=keep_days), dry_run=dry_run)
    if settings.output == "json":
        show_json(maintained)
        return
    if not maintained:
        show_text(settings, "No table is published yet.")
        return
    if dry_run:
        lines = [(each.relation, each.format, each.versions) for each in maintained]
        show_table(settings, ["relation", "format", "versions"], lines, right=["versions"])
        show_text(settings, "\nNothing was changed.")
        return
    headings = ["relation", "format", "files before", "files after", "versions expired", "bytes freed"]
    reports = [
        (
            each.relation,
            each.format,
            each.report.files_before,
            each.report.files_after,
            each.report.versions_expired,
            f"{each.report.bytes_freed:,}",
        )
        for each in maintained
        if each.report is not None
    ]
    show_table(settings, headings, reports, right=headings[2:])
