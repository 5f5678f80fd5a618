"""Where a query stands in its file, so that every problem points to a line and column.

Apart from parsing because every stage reports problems: the parser, the guard,
name resolution and the engine's binder.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import field
from typing import Final

from sqlglot import exp

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.values import frozen

__all__ = ["Problems", "QueryText", "position"]

_line_end: Final = re.compile("\n")


@frozen
class QueryText:
    """A query as written, at ``first_line`` (1-based) of the file ``path``."""

    text: str
    path: str
    first_line: int = 1
    line_starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line_starts", (0, *(found.end() for found in _line_end.finditer(self.text))))

    def location(self, offset: int) -> Location:
        r"""The place of a character offset.

        >>> str(QueryText("SELECT\n  x", "m.sql", 4).location(9))
        'm.sql:5:3'
        """
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.line_starts, offset) - 1
        start = self.line_starts[line]
        end = self.line_starts[line + 1] - 1 if line + 1 < len(self.line_starts) else len(self.text)
        return Location(self.path, self.first_line + line, offset - start + 1, self.text[start:end].rstrip("\r"))


class Problems:
    """Collects what is wrong with one query, to be raised together in file order."""

    def __init__(self, text: QueryText) -> None:
        self.text = text
        self._found: dict[tuple[int, str], DeclarationError] = {}

    def add(
        self, message: str, at: exp.Expr | int | None, *, detail: str | None = None, hint: str | None = None
    ) -> None:
        """Note a problem; the same message at the same place is kept once."""
        offset = at if isinstance(at, int) else position(at)
        where = self.text.location(offset)
        self._found.setdefault((offset, message), DeclarationError(message, detail=detail, hint=hint, where=where))

    def locate(self, error: DeclarationError, at: exp.Expr | int | None) -> None:
        """Note an error raised elsewhere, which knows no place."""
        self.add(error.message, at, detail=error.detail, hint=error.hint)

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_any(self) -> None:
        """Raise :class:`DeclarationErrors` when something was noted."""
        if self._found:
            raise DeclarationErrors([error for _, error in sorted(self._found.items(), key=lambda item: item[0])])


def position(node: exp.Expr | None) -> int:
    """The smallest known character offset of a node, else of its nearest neighbour above; 0 when there is none."""
    while node is not None:
        starts = [found for part in node.walk() if (found := part.meta.get("start")) is not None]
        if starts:
            return int(min(starts))
        node = node.parent
    return 0
