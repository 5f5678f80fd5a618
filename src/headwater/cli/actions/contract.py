"""``headwater contract``: inferred, compared and held against relations."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.screen import show_json, show_table, show_text

if TYPE_CHECKING:
    from headwater.api import ContractDiff
    from headwater.cli.settings import Settings

__all__ = ["check", "diff", "infer"]


def infer(settings: Settings, relation: str, *, write: bool) -> None:
    """Print a contract, or write its file."""
    project = api.load(settings.directory, settings.environment)
    inferred = api.infer_contract(project, relation, write=write)
    if settings.output == "json":
        show_json(inferred)
    elif inferred.written:
        show_text(settings, f"Wrote {inferred.path}: read it, and promise only what you want to keep.")
    else:
        sys.stdout.write(inferred.text)


def diff(settings: Settings, old: str, new: str) -> int:
    """Show what changed; the exit code is 1 when something breaks."""
    compared = api.diff_contracts(settings.directory, old, new)
    if settings.output == "json":
        show_json(compared)
    elif not any(each.changes for each in compared):
        show_text(settings, "Nothing changed.")
    else:
        for each in compared:
            _show(settings, each)
    return 1 if any(each.breaking for each in compared) else 0


def _show(settings: Settings, compared: ContractDiff) -> None:
    lines = [
        (
            change.severity,
            f"{compared.relation}.{change.column}" if change.column else compared.relation,
            change.what,
            change.reason,
        )
        for change in compared.changes
    ]
    show_table(settings, ["class", "of", "change", "because"], lines)
    show_text(settings, "")
    for change in compared.changes:
        for reference in change.affects:
            subject = f"{compared.relation}.{change.column}" if change.column else compared.relation
            show_text(settings, f"{subject} ({change.what}) breaks {reference.relation}.{reference.column}")
    if not compared.consumers_known:
        show_text(settings, "Whom this breaks is not known: no workspace around here can be planned.")


def check(settings: Settings) -> None:
    """Say how many contracts agree; disagreements are raised."""
    held = api.check_contracts(api.load(settings.directory, settings.environment))
    if settings.output == "json":
        show_json(
            [{"id": contract.id, "version": contract.version, "relation": contract.relation} for contract in held]
        )
    else:
        show_text(settings, f"{len(held)} contract{' agrees' if len(held) == 1 else 's agree'} with the relations")
