"""``headwater explain``: how one relation is maintained and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.api import Explanation
    from headwater.cli.settings import Settings

__all__ = ["explain"]


def explain(settings: Settings, relation: str) -> None:
    """Explain a source or a model."""
    project = api.load(settings.directory, settings.environment)
    found = api.explain(project, relation)
    if settings.output == "json":
        show_json(found)
        return
    show_text(settings, str(found.relation), style="bold")
    if found.description:
        show_text(settings, found.description)
    show_text(settings, f"declared in {found.path}" if found.path else "")
    _show_maintenance(settings, found)
    show_text(settings, "\nColumns", style="bold")
    show_table(settings, ["name", "type", "nullable"], [(c.name, str(c.type), c.nullable) for c in found.columns])
    if found.sql:
        show_text(settings, "\nSQL for the engine", style="bold")
        show_text(settings, found.sql)
    show_text(settings, "\nChecks", style="bold")
    if found.checks:
        lines = [(check.code, check.kind, check.description) for check in found.checks]
        show_table(settings, ["code", "of", "what it demands"], lines)
    else:
        show_text(settings, "none: there is no contract, or it demands nothing")


def _show_maintenance(settings: Settings, found: Explanation) -> None:
    if found.kind is None:
        show_text(settings, f"A source of kind {found.source_kind}, read where the last run stopped.")
    else:
        reads = ", ".join(map(str, found.reads)) or "nothing"
        show_text(settings, f"Kind {found.kind}; publishes by {found.mode} as {found.output}; reads {reads}.")
    for block in found.blocks:
        show_text(settings, f"  {block.name} is {block.kind.value} because {block.why}")
        if block.cheaper:
            show_text(settings, f"    cheaper: {block.cheaper}")
        if block.state:
            by = f", by {', '.join(block.key)}" if block.key else ""
            growth = "" if block.bounded else "; it grows as long as rows come"
            show_text(settings, f"    state: {block.state}{by}{growth}")
