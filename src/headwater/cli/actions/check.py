"""``headwater check``: everything that can be wrong without reading data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.encode import counted
from headwater.cli.screen import show_json, show_text

if TYPE_CHECKING:
    from headwater.cli.settings import Settings

__all__ = ["check"]


def check(settings: Settings) -> None:
    """Say what was verified; errors are raised, all at once."""
    report = api.check(api.load(settings.directory, settings.environment))
    if settings.output == "json":
        show_json(report)
        return
    for warning in report.warnings:
        show_text(settings, f"warning: {warning}")
    counts = [
        counted(report.products, "product"),
        counted(report.sources, "source"),
        counted(report.models, "model"),
        counted(report.contracts, "contract"),
    ]
    show_text(settings, f"{report.workspace}: {', '.join(counts)}; no errors")
