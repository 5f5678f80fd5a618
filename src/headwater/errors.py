"""The errors headwater raises, and where in a file they point.

They stand at the root because every layer raises them and only the surfaces
print them: the type decides the exit code and whether a retry makes sense, the
four parts (message, detail, hint, where) decide what the user reads.

    HeadwaterError
    ├── DeclarationError      a file the user wrote is wrong            exit 2
    ├── DeclarationErrors     all that is wrong with a set of files     exit 2
    ├── UsageError            the call is wrong                         exit 2
    │   └── MissingExtraError an optional package is not installed      exit 2
    ├── DataError             the data broke a promise                  exit 1
    │   └── BudgetError       more rows were refused than allowed       exit 1
    └── OutsideError          a system that is not ours failed          exit 3
        ├── TransientError    may work when tried again
        └── TerminalError     will not work when tried again
            └── ConflictError what a staged change set stood on is gone
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Sequence
from typing import ClassVar

from headwater.values import frozen

__all__ = [
    "BudgetError",
    "ConflictError",
    "DataError",
    "DeclarationError",
    "DeclarationErrors",
    "HeadwaterError",
    "Location",
    "MissingExtraError",
    "OutsideError",
    "TerminalError",
    "TransientError",
    "UsageError",
    "did_you_mean",
]


@frozen
class Location:
    """A place in a file: 1-based line and column, with the line's own text.

    ``path`` is relative to the workspace, so that messages are the same on
    every machine.
    """

    path: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


class HeadwaterError(Exception):
    """The root of everything headwater raises on purpose.

    Args:
        message: one sentence, what is wrong, without a full stop.
        detail: what was found, or why it matters.
        hint: what the user can do about it.
        where: the place in the user's file, when there is one.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        where: Location | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        """The error as a user reads it in a terminal, on as many lines as it has parts."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        lines = [head, *self._excerpt()]
        if self.detail:
            lines.append(textwrap.indent(self.detail, "  "))
        if self.hint:
            first, *others = self.hint.split("\n")
            lines += [f"  hint: {first}", *(f"        {line}" for line in others)]
        return "\n".join(lines)

    def _excerpt(self) -> list[str]:
        where = self.where
        if where is None or where.excerpt is None or where.line is None:
            return []
        gutter = f"{where.line:>5} | "
        lines = [f"{gutter}{where.excerpt}"]
        if where.column is not None:
            lines.append(" " * (len(gutter) + where.column - 1) + "^")
        return lines


class DeclarationError(HeadwaterError):
    """A file the user wrote cannot be accepted."""

    exit_code = 2


class DeclarationErrors(HeadwaterError):
    """All that is wrong with the user's files, collected before failing.

    ``errors`` holds all of them; the text shows the first :attr:`shown`.

    Args:
        errors: at least one error, in file order.
    """

    exit_code = 2
    shown: ClassVar[int] = 50

    def __init__(self, errors: Sequence[DeclarationError]) -> None:
        count = len(errors)
        super().__init__(f"{count} error{'s' if count != 1 else ''} in the declarations")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors[: self.shown]]
        more = len(self.errors) - len(lines)
        return "\n\n".join([*lines, f"... and {more} more"] if more else lines)


class UsageError(HeadwaterError):
    """The command or function was called with something it cannot use."""

    exit_code = 2


class MissingExtraError(UsageError):
    """A feature needs a package that is an optional extra.

    Args:
        feature: what the user asked for, for example ``output delta``.
        extra: the extra's name in headwater's own metadata.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra '{extra}'",
            hint=f"pip install 'headwater[{extra}]'",
        )
        self.extra = extra


class DataError(HeadwaterError):
    """The data broke a promise that blocks publication."""

    exit_code = 1


class BudgetError(DataError):
    """More rows were refused than the contract's budget allows."""


class OutsideError(HeadwaterError):
    """A system outside headwater failed."""

    exit_code = 3


class TransientError(OutsideError):
    """The same call may work when tried again."""


class TerminalError(OutsideError):
    """The same call will fail again until somebody changes something."""


class ConflictError(TerminalError):
    """A staged change set no longer fits its table, which another writer changed: the content has to replace it."""


def did_you_mean(word: str, valid: Iterable[str]) -> str | None:
    """A hint that names the nearest valid value, or all of them when none is near.

    >>> did_you_mean("conections", ["connections", "environments"])
    "did you mean 'connections'?"
    >>> did_you_mean("xyz", ["delta", "iceberg"])
    'valid values: delta, iceberg'
    >>> did_you_mean("xyz", []) is None
    True
    """
    known = sorted(set(valid))
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"valid values: {', '.join(known)}" if known else None
