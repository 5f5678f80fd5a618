"""Work that goes on in a fork of this process once it turns out to be long, while this one does something else.

Planning needs the parser only for what no earlier plan has worked out. A run
whose planning forks there never loads it, neither its time nor its memory: both
are spent beside it, on another core, and given back before the first query runs.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, NoReturn, TypeVar

from headwater.errors import DeclarationErrors

__all__ = ["can_fork", "in_fork"]

Result = TypeVar("Result")

_threads: Final = Path("/proc/self/task")


def can_fork() -> bool:
    """Whether a fork is cheap and safe: on Linux, as long as this process has one thread of whatever library."""
    return sys.platform == "linux" and len(list(_threads.iterdir())) == 1


def in_fork(work: Callable[[Callable[[], None]], Result], meanwhile: Callable[[], None]) -> Result:
    """Do some work, the rest of it in a fork from where it first calls what it is given.

    Args:
        work: must change nothing of this process that counts later; its result must be picklable.
        meanwhile: called, in this process, while the fork works; not called when there was none.

    Raises:
        DeclarationErrors: what the work raised. Whatever else ends a fork, the work is then done here.
    """
    fork = _Fork()
    try:
        result = work(fork.go_on)
    except _WentOn as elsewhere:
        match _answer(elsewhere, meanwhile):
            case ("result", result):
                return result
            case ("errors", errors):
                raise DeclarationErrors(errors) from None
            case _:
                return work(lambda: None)
    except BaseException as error:
        if fork.told is not None:
            _end(fork.told, ("errors", error.errors) if isinstance(error, DeclarationErrors) else None)
        raise
    if fork.told is not None:
        _end(fork.told, ("result", result))
    return result


class _WentOn(Exception):
    """Raised in the process that forked: the work goes on in a child, and is heard of in a pipe."""

    def __init__(self, child: int, heard: IO[bytes]) -> None:
        super().__init__()
        self.child = child
        self.heard = heard


class _Fork:
    """Forks once; ``told`` is where the fork tells its result, None in the process it came from."""

    def __init__(self) -> None:
        self.told: IO[bytes] | None = None

    def go_on(self) -> None:
        """The fork returns, the process it came from raises :class:`_WentOn`."""
        if self.told is not None or not can_fork():
            return
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            raise _WentOn(child, os.fdopen(reading, "rb"))
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.told = os.fdopen(writing, "wb")


def _answer(elsewhere: _WentOn, meanwhile: Callable[[], None]) -> Any:
    """What the fork told, see :func:`_end`; None when it ended without."""
    try:
        with elsewhere.heard as heard:
            meanwhile()
            answer = heard.read()
    finally:
        os.waitpid(elsewhere.child, 0)
    return pickle.loads(answer) if answer else None  # noqa: S301 - told by this very program


def _end(told: IO[bytes], outcome: tuple[str, object] | None) -> NoReturn:
    """End the fork, and tell its outcome unless there is none."""
    try:
        if outcome is not None:
            told.write(pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL))
            told.close()
    finally:
        os._exit(0)
