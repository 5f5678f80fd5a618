"""Values of a contract as SQL literals of a column's type.

Apart so that there is one place where a value from a file becomes SQL text:
strings are escaped, numbers and times are parsed and written anew.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from headwater.types import DataType, Json, quote_text

__all__ = ["LiteralError", "literal", "text_literal"]

largest_exponent: Final = 400


class LiteralError(ValueError):
    """The value cannot be a value of the column's type; ``str(error)`` says why."""


def text_literal(text: str) -> str:
    """A string as SQL.

    >>> text_literal("O'Hare")
    "'O''Hare'"
    """
    if "\x00" in text:
        raise LiteralError("a text with a NUL character cannot stand in a contract")
    return quote_text(text)


def literal(value: Json, type: DataType) -> str:
    """A JSON value as a literal of a type. Raises :class:`LiteralError`.

    >>> literal("2013-01-01", DataType.parse("date"))
    "CAST('2013-01-01' AS DATE)"
    >>> literal(5, DataType.parse("varchar"))
    "'5'"
    """
    if value is None or isinstance(value, (list, dict)):
        raise LiteralError(f"{value!r} is not a single value")
    if type.is_numeric:
        return _number(value)
    if type.name == "BOOLEAN":
        return _boolean(value)
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if type.name == "VARCHAR":
        return text_literal(text)
    if type.is_temporal:
        text = _temporal(text, type)
    elif type.name == "UUID":
        text = _uuid(text)
    else:
        raise LiteralError(f"a contract cannot write values of {type}")
    return f"CAST({text_literal(text)} AS {type})"


def _number(value: Json) -> str:
    if isinstance(value, bool):
        raise LiteralError(f"{value} is not a number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise LiteralError(f"'{value}' is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > largest_exponent:
        raise LiteralError(f"'{value}' is not a finite number")
    digits = format(number, "f")
    return f"({digits})" if number < 0 else digits


def _boolean(value: Json) -> str:
    match value:
        case True | "true" | "TRUE":
            return "TRUE"
        case False | "false" | "FALSE":
            return "FALSE"
        case _:
            raise LiteralError(f"'{value}' is not true or false")


def _temporal(text: str, type: DataType) -> str:
    try:
        if type.name == "DATE":
            return date.fromisoformat(text).isoformat()
        if type.name.startswith("TIMESTAMP"):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC).replace(tzinfo=None)
            return moment.isoformat(sep=" ") + ("+00" if type.name == "TIMESTAMP WITH TIME ZONE" else "")
        return time.fromisoformat(text).isoformat()
    except (ValueError, OverflowError):
        raise LiteralError(f"'{text}' is not an ISO 8601 {type.name.lower()}") from None


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise LiteralError(f"'{text}' is not a UUID") from None
