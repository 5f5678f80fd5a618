"""Exact types from the engine, and its refusals pointed at the user's text.

Apart from analysis because the engine speaks about the SQL it was given, and
the user wrote another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headwater.errors import DeclarationError
from headwater.sql.analysis import Binder
from headwater.sql.text import QueryText
from headwater.types import RelationName, Schema, TypeSyntaxError

__all__ = ["bind"]

_quoted: Final = re.compile(r"""["'`]([^"'`\n]{1,200})["'`]""")
_called: Final = re.compile(r"\b([A-Za-z_]\w*)\(")


def bind(sql: str, relations: Mapping[RelationName, Schema], binder: Binder, text: QueryText) -> Schema:
    """The columns of engine SQL; raises the engine's refusal, or a type that is not ours, as a located error."""
    try:
        return binder(sql, {str(relation): schema for relation, schema in relations.items()})
    except DeclarationError as error:
        message = f"{error.message}\n{error.detail or ''}"
        where = text.location(_offset(message, text.text))
        raise DeclarationError(error.message, detail=error.detail, hint=error.hint, where=where) from error
    except TypeSyntaxError as error:
        raise DeclarationError(
            "an output column has a type that tables cannot hold",
            detail=str(error),
            hint="cast it: rows without names to STRUCT, enumerations to VARCHAR",
            where=text.location(_offset("", text.text)),
        ) from error


def _offset(message: str, text: str) -> int:
    """Where the first thing a message names stands in the text; its beginning when it names nothing found there."""
    lowered = text.lower()
    for pattern in (_quoted, _called):
        for found in pattern.finditer(message):
            word = re.search(rf"\b{re.escape(found[1].lower())}\b", lowered)
            if word is not None:
                return word.start()
    return len(text) - len(text.lstrip())
