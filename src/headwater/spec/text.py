"""A declared file's text, and places in it with their excerpt.

Apart from the readers because every one of them points into files the same
way: 1-based, with the line as it stands there and secrets blotted out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from headwater.errors import DeclarationError, Location
from headwater.spec.redaction import redact

__all__ = ["FileText", "check_text"]

EXCERPT_WIDTH: Final = 160

_line_breaks: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_unusual_breaks: Final = re.compile("[\r\x85\u2028\u2029]")
# Told by those that are refused: a class of what is left takes fifty times as long to compile, 15 ms of every start.
_forbidden: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_invisible: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class FileText:
    """The text of one file; ``path`` is relative to the workspace, with forward slashes."""

    path: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        if _unusual_breaks.search(self.text):
            return [0, *(match.end() for match in _line_breaks.finditer(self.text))]
        return list(accumulate((len(line) + 1 for line in self.text.split("\n")[:-1]), initial=0))

    def at(self, line: int, column: int) -> Location:
        """The place of a 1-based line and column."""
        return Location(self.path, line, column, self._excerpt(line, column))

    def at_offset(self, offset: int) -> Location:
        """The place of a 0-based character offset."""
        line = bisect_right(self._starts, offset)
        return self.at(line, offset - self._starts[line - 1] + 1)

    def line_of(self, offset: int) -> int:
        """The 1-based line a character stands on."""
        return bisect_right(self._starts, offset)

    def column_of(self, offset: int) -> int:
        """The 1-based column a character stands in."""
        return offset - self._starts[bisect_right(self._starts, offset) - 1] + 1

    @property
    def whole(self) -> Location:
        """The file, no place in it."""
        return Location(self.path)

    def _excerpt(self, line: int, column: int) -> str | None:
        if not 0 < line <= len(self._starts) or column > EXCERPT_WIDTH:
            return None
        start = self._starts[line - 1]
        found = _line_breaks.search(self.text, start)
        whole = self.text[start : found.start() if found else len(self.text)]
        shown = redact(_invisible.sub(" ", whole[: 2 * EXCERPT_WIDTH])).rstrip()
        return shown if len(shown) <= EXCERPT_WIDTH else f"{shown[:EXCERPT_WIDTH]}…"


def check_text(file: FileText) -> None:
    """Refuse control characters (NUL and the like), which no declaration needs.

    Raises:
        DeclarationError: at the first such character.
    """
    found = _forbidden.search(file.text)
    if found:
        raise DeclarationError(
            f"the file holds the control character U+{ord(found.group()):04X}",
            hint="declarations are plain text: delete the character, or write it as an escape in a quoted YAML string",
            where=file.at_offset(found.start()),
        )
