"""Who works in an environment: any number of runs beside each other, maintenance alone.

The locks are the operating system's: they end with the process that holds
them, so that nothing has to be cleaned up after one that was killed. That is
also how the run of such a process is told from one that is still at work.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from headwater.errors import TransientError
from headwater.runtime.layout import Layout

__all__ = ["at_work", "ended", "maintaining"]

_run: Final = ".run"


@contextmanager
def at_work(layout: Layout, run: str) -> Iterator[None]:
    """Hold a run's place in its environment.

    Raises:
        TransientError: the environment's tables are being maintained.
    """
    folder = _folder(layout)
    with _locked(folder / "environment", fcntl.LOCK_SH) as held:
        if not held:
            raise TransientError(
                f"the tables of the environment '{layout.environment.name}' are being maintained",
                detail="maintenance may delete what a run reads",
                hint="run again when it is done",
            )
        final = folder / f"{quote(run, safe='')}{_run}"
        new = final.with_suffix(".new")
        with _locked(new, fcntl.LOCK_EX):
            new.rename(final)  # nobody finds it before it is locked
            try:
                yield
            finally:
                final.unlink(missing_ok=True)


@contextmanager
def maintaining(layout: Layout) -> Iterator[None]:
    """Keep runs out of an environment.

    Raises:
        TransientError: one is under way, or another process maintains the tables.
    """
    folder = _folder(layout)
    with _locked(folder / "environment", fcntl.LOCK_EX) as held:
        if not held:
            runs = sorted(unquote(path.stem) for path in folder.glob(f"*{_run}"))
            raise TransientError(
                f"the environment '{layout.environment.name}' is in use",
                detail=f"by {', '.join(runs)}" if runs else "another process maintains its tables",
                hint="maintenance deletes files that a run may read: start it when the run is done",
            )
        yield


def ended(layout: Layout) -> Iterator[str]:
    """Runs whose process ended before they did; each is forgotten once the next is asked for."""
    for path in sorted(_folder(layout).glob(f"*{_run}")):
        with _locked(path, fcntl.LOCK_EX) as held:
            if held:
                yield unquote(path.stem)
                path.unlink(missing_ok=True)


def _folder(layout: Layout) -> Path:
    folder = layout.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """Try to lock a file, without waiting; whether it is held now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
