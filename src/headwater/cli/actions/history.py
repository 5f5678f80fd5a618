"""``headwater history``: the latest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["history"]


def history(settings: Settings, limit: int) -> None:
    """Show runs, the newest first."""
    project = api.load(settings.directory, settings.environment)
    runs = api.history(project, limit=limit)
    if settings.output == "json":
        show_json(runs)
        return
    if not runs:
        show_text(settings, f"There was no run in the environment '{project.environment.name}' yet.")
        return
    lines = [
        (
            run.run,
            run.started_at.astimezone().isoformat(sep=" ", timespec="seconds"),
            run.status,
            "" if run.finished_at is None else f"{(run.finished_at - run.started_at).total_seconds():.1f} s",
            *(
                f"{count:,}"
                for count in (run.counts.read, run.counts.accepted, run.counts.late, run.counts.quarantined)
            ),
        )
        for run in runs
    ]
    headings = ["run", "started", "status", "took", "read", "accepted", "late", "quarantined"]
    show_table(settings, headings, lines, right=headings[3:])
