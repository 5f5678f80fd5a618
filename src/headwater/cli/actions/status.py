"""``headwater status``: what is published, how fresh it is, and how far its event time has advanced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.api import RelationStatus
    from headwater.cli.settings import Settings

__all__ = ["status"]


def status(settings: Settings) -> None:
    """Show each relation of the environment."""
    project = api.load(settings.directory, settings.environment)
    now = datetime.now(UTC)
    relations = api.status(project, at=now)
    if settings.output == "json":
        show_json(relations)
    elif relations:
        _show(settings, relations, now)
    else:
        show_text(settings, "The workspace declares no relation.")


def _show(settings: Settings, relations: tuple[RelationStatus, ...], now: datetime) -> None:
    """A table; what event time is about only where some relation has it."""
    timed = any(each.watermark or each.ended for each in relations)
    headings = ["relation", "output", "rows", *(["late"] if timed else []), "quarantined", "published"]
    headings += ["watermark", "behind"] if timed else []
    lines = [
        (
            each.relation,
            each.output,
            "" if each.rows is None else f"{each.rows:,}",
            *((f"{each.late:,}",) if timed else ()),
            f"{each.quarantined:,}",
            "never" if each.published_at is None else _ago(now - each.published_at),
            *(_event_time(each) if timed else ()),
            each.run or "",
        )
        for each in relations
    ]
    show_table(settings, [*headings, "run"], lines, right=["rows", "late", "quarantined"])


def _event_time(each: RelationStatus) -> tuple[str, str]:
    """The watermark, and how far it is behind the clock."""
    if each.ended:
        return "ended", ""
    if each.watermark is None or each.lag is None:
        return "", ""
    return f"{each.watermark:%Y-%m-%d %H:%M:%S}", _age(each.lag) or "0 min"


def _ago(age: timedelta) -> str:
    said = _age(age)
    return f"{said} ago" if said else "just now"


def _age(age: timedelta) -> str:
    """How long, in its greatest unit; empty below a minute."""
    seconds = int(age.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return ""
