"""``headwater status``: what is published, and how fresh it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["status"]


def status(settings: Settings) -> None:
    """Show each relation of the environment."""
    project = api.load(settings.directory, settings.environment)
    relations = api.status(project)
    if settings.output == "json":
        show_json(relations)
        return
    now = datetime.now(UTC)
    lines = [
        (
            each.relation,
            each.output,
            "" if each.rows is None else f"{each.rows:,}",
            f"{each.quarantined:,}",
            "never" if each.published_at is None else _ago(now - each.published_at),
            each.run or "",
        )
        for each in relations
    ]
    if lines:
        headings = ["relation", "output", "rows", "quarantined", "published", "run"]
        show_table(settings, headings, lines, right=["rows", "quarantined"])
    else:
        show_text(settings, "The workspace declares no relation.")


def _ago(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
