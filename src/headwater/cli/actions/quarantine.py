"""``headwater quarantine``: refused rows counted, shown and judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.actions.query import show_rows
from headwater.cli.actions.run import show_outcome
from headwater.cli.progress import watch
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["list_", "replay", "show"]


def list_(settings: Settings, relation: str | None) -> None:
    """Count refused rows by relation and reason."""
    project = api.load(settings.directory, settings.environment)
    reasons = api.quarantine_list(project, relation)
    if settings.output == "json":
        show_json(reasons)
    elif reasons:
        lines = [
            (reason.relation, reason.code, f"{reason.rows:,}", f"{reason.released:,}" if reason.released else "")
            for reason in reasons
        ]
        show_table(settings, ["relation", "reason", "rows", "released"], lines, right=["rows", "released"])
    else:
        show_text(settings, "No row is in quarantine.")


def show(settings: Settings, relation: str, code: str | None, run_id: str | None, limit: int) -> None:
    """Show refused rows, the latest first."""
    project = api.load(settings.directory, settings.environment)
    show_rows(settings, api.quarantine_show(project, relation, code=code, run=run_id, limit=limit or None))


def replay(settings: Settings, relation: str) -> int:
    """Judge refused rows again and publish those that pass."""
    project = api.load(settings.directory, settings.environment)
    with watch(settings) as listener:
        outcome = api.quarantine_replay(project, relation, listener=listener)
    if settings.output == "text" and outcome.nothing_to_do:
        show_text(settings, f"Nothing was admitted: no refused row of {relation} keeps today's contract.")
        return 0
    return show_outcome(settings, outcome)
