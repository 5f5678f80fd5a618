"""How errors look: for people on stderr, for programs as one JSON object.

Apart from the screens of commands because errors are shown when nothing else
could be loaded: this module imports neither rich nor any room.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from headwater.errors import DeclarationErrors, HeadwaterError, Location

if TYPE_CHECKING:
    from headwater.types import Json

__all__ = ["error_to_json", "printable", "report_error"]


def report_error(error: HeadwaterError, *, as_json: bool) -> None:
    """Print an error to stderr; as JSON it is one object with the member ``error``."""
    if as_json:
        text = json.dumps({"error": error_to_json(error)}, indent=2, ensure_ascii=False)
    else:
        text = f"{_label('error:')} {printable(str(error))}"
        if isinstance(error, DeclarationErrors) and len(error.errors) > 1:
            text = f"{printable(str(error))}\n\n{_label('error:')} {error.message}"
    sys.stderr.write(f"{text}\n")


def error_to_json(error: HeadwaterError) -> dict[str, Json]:
    """An error's parts; a group of errors lists each of them under ``errors``."""
    parts: dict[str, Json] = {
        "type": type(error).__name__,
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
        "where": _where(error.where),
        "exit_code": error.exit_code,
    }
    if isinstance(error, DeclarationErrors):
        parts["errors"] = [error_to_json(each) for each in error.errors]
    return parts


def _where(where: Location | None) -> Json:
    if where is None:
        return None
    return {"path": where.path, "line": where.line, "column": where.column, "excerpt": where.excerpt}


def printable(text: str) -> str:
    r"""The text without what could steer a terminal: names and data come from files that nobody vouches for.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _label(text: str) -> str:
    colored = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and "--no-color" not in sys.argv
    return f"\x1b[1;31m{text}\x1b[0m" if colored else text
