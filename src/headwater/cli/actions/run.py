"""``headwater run``: progress while it runs, then what became of every row."""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headwater import api
from headwater.cli.encode import counted
from headwater.cli.progress import watch
from headwater.cli.report import report_error
from headwater.cli.screen import show_json, show_table, show_text
from headwater.errors import HeadwaterError
from headwater.events import Event, Listener, RunStarted

if TYPE_CHECKING:
    from headwater.api import ProductOutcome, RunOutcome
    from headwater.cli.settings import Settings

__all__ = ["run", "show_outcome"]


def run(settings: Settings, products: tuple[str, ...]) -> int:
    """Run the workspace, or the products named; the exit code is that of the gravest failure."""
    project = api.load(settings.directory, settings.environment)
    with watch(settings) as listener, _settled(listener) as told:
        outcome = api.run(project, products=products, listener=told)
    return show_outcome(settings, outcome)


@contextmanager
def _settled(listener: Listener) -> Iterator[Listener]:
    """Have what planning left stay out of collections: looking through it takes as long as half an epoch."""

    def told(event: Event) -> None:
        if isinstance(event, RunStarted):
            gc.freeze()
        listener(event)

    try:
        yield told
    finally:
        gc.unfreeze()


def show_outcome(settings: Settings, outcome: RunOutcome) -> int:
    """Show what a run did, then what failed; returns the exit code of the gravest failure."""
    if settings.output == "json":
        show_json(outcome)
    else:
        _show_summary(settings, outcome)
        sys.stdout.flush()
        for product in outcome.products:
            if product.error is not None:
                report_error(_named(product.product, product.error), as_json=False)
    return outcome.exit_code


def _named(product: str, error: HeadwaterError) -> HeadwaterError:
    """The error, naming the product that failed when its own words do not."""
    if product in str(error):
        return error
    return HeadwaterError(f"{product}: {error.message}", detail=error.detail, hint=error.hint, where=error.where)


def _show_summary(settings: Settings, outcome: RunOutcome) -> None:
    """The summary of a run, or one line when there was nothing to do."""
    if outcome.nothing_to_do:
        show_text(settings, f"Nothing new to do: every relation is up to date ({_seconds(outcome)}).")
        return
    if any(product.relations for product in outcome.products):
        _show_counts(settings, outcome)
    for product in outcome.products:
        if product.status in ("failed", "skipped"):
            show_text(settings, f"{product.product}: {_fate(product)}")
    done = sum(product.status in ("done", "unchanged") for product in outcome.products)
    show_text(settings, f"{done} of {counted(len(outcome.products), 'product')} ran in {_seconds(outcome)}")
    _suggest(settings, outcome)


def _show_counts(settings: Settings, outcome: RunOutcome) -> None:
    headings = ["relation", "read", "accepted", "late", "quarantined", "where"]
    show_table(settings, headings, _lines(outcome), right=headings[1:5])
    show_text(settings, "")
    counts = outcome.counts
    law = f"{counts.read:,} = {counts.accepted:,}{_added(counts.late)}{_added(counts.quarantined)}"
    verdict = "holds for every relation" if outcome.balanced else "IS BROKEN"
    show_text(settings, f"law: read = accepted + late + quarantined {verdict} ({law})")
    for reason in outcome.reasons[:3]:
        show_text(settings, f"quarantined: {counted(reason.rows, 'row')} of {reason.relation} for {reason.code}")
    for product in outcome.products:
        for port in product.relations:
            if port.superseded:
                told = f"{counted(port.superseded, 'change')} of {port.relation}"
                show_text(settings, f"superseded: {told} came behind newer ones of the same key, and changed nothing")
        for check in product.checks:
            if not check.passed:
                show_text(settings, f"{check.severity}: {check.relation} fails {check.code}: {check.description}")


def _added(count: int) -> str:
    """A term of a sum; a replay takes rows out of the quarantine.

    >>> _added(1200), _added(-1)
    (' + 1,200', ' - 1')
    """
    return f" {'-' if count < 0 else '+'} {abs(count):,}"


def _suggest(settings: Settings, outcome: RunOutcome) -> None:
    """Three commands that lead on from here, written so that they can be pasted."""
    stored = [port for product in outcome.products for port in product.relations if port.where]
    if not stored:
        return
    refused = [reason.relation for reason in outcome.reasons]
    last = stored[-1].relation
    call = "headwater" if settings.directory == "." else f"headwater -C {shlex.quote(settings.directory)}"
    look = f"quarantine show {refused[0]}" if refused else f"explain {last}"
    show_text(settings, "\nTry next:")
    for command in (f'query "SELECT * FROM {last} LIMIT 10"', look, f"lineage {last}"):
        show_text(settings, f"  {call} {command}")


def _lines(outcome: RunOutcome) -> Iterator[tuple[str, ...]]:
    for product in outcome.products:
        for port in product.relations:
            counts = port.counts
            yield (
                str(port.relation) + (" (rebuilt)" if port.rebuilt else ""),
                *(f"{number:,}" for number in (counts.read, counts.accepted, counts.late, counts.quarantined)),
                port.where or "-",
            )


def _fate(product: ProductOutcome) -> str:
    if product.status == "skipped":
        return "not run, because a product it reads from failed"
    return "failed; nothing of the failed epoch was published"


def _seconds(outcome: RunOutcome) -> str:
    return f"{(outcome.finished_at - outcome.started_at).total_seconds():.1f} s"
