"""Showing a run while it goes on, fed by the runtime's events, on stderr.

Apart from the run action because it is a listener like any other: the runtime
does not know whether anybody looks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

from headwater.cli.encode import to_json
from headwater.cli.screen import console
from headwater.events import (
    EpochStarted,
    Event,
    Judged,
    Landed,
    Listener,
    ProductFinished,
    ProductStarted,
    Recovered,
    SinkCommitted,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from headwater.cli.settings import Settings
    from headwater.types import RelationName

__all__ = ["watch"]


@contextmanager
def watch(settings: Settings) -> Iterator[Listener]:
    """A listener that shows progress while the block runs.

    A terminal gets a bar for each product; ``--verbose`` a line for each event;
    a pipe, and JSON output, a line only for what an earlier run left behind.
    """
    if settings.verbose:
        yield _tell_event
    elif settings.output == "json" or not sys.stderr.isatty():
        yield _tell_recovery
    else:
        bars = _bars(settings)
        try:
            yield _Bars(bars)
        finally:
            bars.stop()


def _bars(settings: Settings) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[doing]}", style="dim", markup=False),
        TimeElapsedColumn(),
        console=console(settings, sys.stderr),
        transient=True,
    )


class _Bars:
    """One bar a product: its length is the number of models, its step the first judgement of a model.

    Nothing is shown, and no thread draws, before the first product starts.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._counted: set[RelationName] = set()

    def __call__(self, event: Event) -> None:
        match event:
            case ProductStarted(product=product, steps=steps):
                self._progress.start()
                self._tasks[product] = self._progress.add_task(product, total=steps, doing="")
            case Landed(product=product, source=source, rows=rows):
                self._counted.add(source)
                self._tell(product, f"read {rows:,} rows of {source}")
            case Judged(product=product, relation=relation):
                self._tell(product, str(relation), step=0 if relation in self._counted else 1)
                self._counted.add(relation)
            case SinkCommitted(product=product, relation=relation):
                self._tell(product, f"published {relation}")
            case EpochStarted(product=product, epoch=epoch):
                self._tell(product, f"epoch {epoch}")
            case ProductFinished(product=product):
                task = self._tasks[product]
                total = self._progress.tasks[self._progress.task_ids.index(task)].total
                self._progress.update(task, completed=total, doing="")
            case _:
                pass

    def _tell(self, product: str, doing: str, *, step: int = 0) -> None:
        if product in self._tasks:
            self._progress.update(self._tasks[product], advance=step, doing=doing)


def _tell_event(event: Event) -> None:
    members = " ".join(f"{field.name}={to_json(getattr(event, field.name))}" for field in fields(event))
    sys.stderr.write(f"{type(event).__name__} {members}\n")


def _tell_recovery(event: Event) -> None:
    if isinstance(event, Recovered):
        sys.stderr.write(f"recovered epoch {event.epoch} of {event.product} from an earlier run\n")
