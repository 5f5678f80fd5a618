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
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import IO, Any, ClassVar, Final, NoReturn, TypeVar

from headwater.errors import DeclarationErrors
from headwater.values import frozen, is_frozen

__all__ = ["can_fork", "in_fork", "in_forks"]

Result = TypeVar("Result")

_threads: Final = Path("/proc/self/task")
largest_pipe: Final = 1024 * 1024
"""Bytes that are on their way at most: what Linux allows everyone."""


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
        child = elsewhere.child
    except BaseException as error:
        if fork.told is not None:
            _end(fork.told, ("errors", error.errors) if isinstance(error, DeclarationErrors) else None)
        raise
    else:
        if fork.told is not None:
            _end(fork.told, ("result", result))
        return result
    match _answer(child, meanwhile):
        case ("result", result):
            return result
        case ("errors", errors):
            raise DeclarationErrors(errors)
        case _:
            return work(lambda: None)


def in_forks(works: Sequence[Callable[[], Result]], meanwhile: Callable[[], object]) -> list[Result | None]:
    """Do each work in a fork of its own, all at the same time; None for one whose fork ended without a result.

    To be called where :func:`can_fork` says so.

    Args:
        works: must change nothing of this process that counts later; their results must be picklable.
        meanwhile: called, in this process, while the forks work.
    """
    forks = [_begun(work) for work in works]
    try:
        meanwhile()
    finally:
        answers = [_answer(fork, lambda: None) for fork in forks]
    return [answer[1] if answer is not None else None for answer in answers]


@frozen
class _Child:
    """A fork, and the pipe in which it is heard of."""

    process: int
    heard: IO[bytes]


class _WentOn(Exception):
    """Raised in the process that forked: the work goes on in a child."""

    def __init__(self, child: _Child) -> None:
        super().__init__()
        self.child = child


class _Fork:
    """Forks once; ``told`` is where the fork tells its result, None in the process it came from."""

    def __init__(self) -> None:
        self.told: IO[bytes] | None = None

    def go_on(self) -> None:
        """The fork returns, the process it came from raises :class:`_WentOn`."""
        if self.told is not None or not can_fork():
            return
        begun = _fork()
        if isinstance(begun, _Child):
            raise _WentOn(begun)
        self.told = begun


def _fork() -> _Child | IO[bytes]:
    """The child, in the process that forked; in the child, where it is to tell its outcome."""
    import fcntl

    reading, writing = os.pipe()
    with suppress(OSError):  # so that what is told need not wait for whoever is busy
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, largest_pipe)
    process = os.fork()
    if process:
        os.close(writing)
        return _Child(process, os.fdopen(reading, "rb"))
    os.close(reading)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return os.fdopen(writing, "wb")


def _begun(work: Callable[[], object]) -> _Child:
    """A fork that does some work and nothing else."""
    fork = _fork()
    if isinstance(fork, _Child):
        return fork
    outcome: tuple[str, object] | None = None
    try:
        outcome = ("result", work())
    finally:
        _end(fork, outcome)


def _answer(child: _Child, meanwhile: Callable[[], object]) -> Any:
    """What the fork told, see :func:`_end`; None when it ended without. Read while it is told."""
    try:
        with child.heard as heard:
            meanwhile()
            return _understood(heard)
    finally:
        os.waitpid(child.process, 0)


def _understood(heard: IO[bytes]) -> Any:
    try:
        return pickle.load(heard)  # noqa: S301 - told by this very program
    except (EOFError, pickle.UnpicklingError):
        return None


class _Pickler(pickle.Pickler):
    """Frozen values as calls of their classes: they take half of the time that their fields one by one do."""

    _known: ClassVar[dict[type, tuple[str, ...] | None]] = {}

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind not in self._known:
            self._known[kind] = _arguments(kind)
        names = self._known[kind]
        return NotImplemented if names is None else (type(value), tuple([getattr(value, name) for name in names]))


def _arguments(kind: Any) -> tuple[str, ...] | None:
    """The fields of a frozen value, where those and no others are its arguments, in their order."""
    made_as = kind.__dict__.get("__dataclass_params__")
    if made_as is None or not (made_as.frozen or is_frozen(kind)):
        return None
    found = fields(kind)
    alike = len(found) == len(kind.__dataclass_fields__) and all(each.init and not each.kw_only for each in found)
    return tuple(each.name for each in found) if alike else None


def _end(told: IO[bytes], outcome: tuple[str, object] | None) -> NoReturn:
    """End the fork, and tell its outcome unless there is none."""
    try:
        if outcome is not None:
            _Pickler(told, pickle.HIGHEST_PROTOCOL).dump(outcome)
            told.close()
    finally:
        os._exit(0)
