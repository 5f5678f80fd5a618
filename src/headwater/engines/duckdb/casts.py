"""Text to typed values, as SQL that also says what is wrong with a text.

Apart because CSV, NDJSON and Arrow text share one meaning of every type: a text
is accepted only if the column can hold exactly the value it names, so nothing is
rounded, truncated or moved to another zone in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from headwater.types import Column, DataType, quote_identifier, quote_text
from headwater.values import frozen

__all__ = ["Cast", "TimeFormats", "cast_text", "cast_value", "moment", "refusal", "refused", "zoned"]

_date: Final = "????-??-??"
_time: Final = "[T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
_milli: Final = ".[0-9][0-9][0-9]"
_usual: Final[Mapping[int, str]] = {
    10: _date,
    19: f"{_date}{_time}",
    20: f"{_date}{_time}Z",
    23: f"{_date}{_time}{_milli}",
    24: f"{_date}{_time}{_milli}Z",
    26: f"{_date}{_time}{_milli}{_milli[1:]}",
    27: f"{_date}{_time}{_milli}{_milli[1:]}Z",
}
"""Usual forms of timestamps in UTC, by their length. Times are of digits only: what else there is, a cast to TIMESTAMP
takes for a zone and ignores; dates it refuses as the cast that knows zones does, which takes twice as long and more."""


@frozen
class TimeFormats:
    """``strptime`` patterns for timestamps and dates; None: ISO 8601."""

    timestamp: str | None = None
    date: str | None = None


@frozen
class Cast:
    """A column's value as SQL, and when its text is refused (None: never)."""

    column: Column
    text: str
    value: str
    refused: str | None


def cast_text(text: str, column: Column, formats: TimeFormats, *, known: str | None = None) -> Cast:
    """The cast of a VARCHAR expression to a column's type.

    Args:
        known: the name that the cast's value has where refusals are asked for; None: it is computed there again.
    """
    kind = column.type
    if kind.name == "VARCHAR":
        return Cast(column, text, text, None)
    value = _value(text, kind, formats)
    made = known or value
    if kind.is_integer:
        # SQL casts round to whole numbers; what has no equal double is no number or has a fraction.
        same = f"TRY_CAST({text} AS DOUBLE) = CAST({made} AS DOUBLE)"
        return Cast(column, text, value, f"({text} IS NOT NULL AND ({same}) IS NOT TRUE)")
    failed = f"({text} IS NOT NULL AND {made} IS NULL)"
    inexact = _inexact(text, made, kind, formats)
    return Cast(column, text, value, f"{failed} OR {inexact}" if inexact else failed)


def cast_value(value: str, found: DataType, column: Column) -> Cast:
    """The cast of a typed expression: refused unless casting back gives the same value."""
    if found == column.type:
        return Cast(column, value, value, None)
    if found.name == "VARCHAR":
        return cast_text(value, column, TimeFormats())
    cast = f"TRY_CAST({value} AS {column.type})"
    lost = f"({value} IS NOT NULL AND TRY_CAST({cast} AS {found}) IS DISTINCT FROM {value})"
    return Cast(column, f"CAST({value} AS VARCHAR)", cast, lost)


def moment(text: str) -> str:
    """SQL of a text as a timestamp; where it has a zone, that moment in UTC."""
    globs = " ".join(f"WHEN {length} THEN {text} GLOB {quote_text(glob)}" for length, glob in _usual.items())
    with_zone = f"timezone('UTC', TRY_CAST({text} AS TIMESTAMP WITH TIME ZONE))"
    return f"CASE WHEN CASE strlen({text}) {globs} END THEN TRY_CAST({text} AS TIMESTAMP) ELSE {with_zone} END"


def zoned(kind: DataType) -> DataType:
    """A type with every TIMESTAMP in it WITH TIME ZONE: read as this, then cast, a text with a zone is that moment.

    >>> str(zoned(DataType.parse("STRUCT(at timestamp, n int)[]")))
    'STRUCT("at" TIMESTAMP WITH TIME ZONE, "n" INTEGER)[]'
    """
    if kind.name == "TIMESTAMP":
        return DataType("TIMESTAMP WITH TIME ZONE")
    return replace(
        kind,
        key=kind.key and zoned(kind.key),
        element=kind.element and zoned(kind.element),
        fields=tuple(replace(member, type=zoned(member.type)) for member in kind.fields),
    )


def refused(casts: Sequence[Cast]) -> str | None:
    """SQL that is TRUE for a record of which any column is refused; None when none can be."""
    return " OR ".join(cast.refused for cast in casts if cast.refused is not None) or None


def refusal(casts: Sequence[Cast]) -> str:
    """SQL for the message about a record: NULL when every text is accepted, else what is wrong, column by column."""
    anything = refused(casts)
    if anything is None:
        return "CAST(NULL AS VARCHAR)"
    messages = ", ".join(f"CASE WHEN {cast.refused} THEN {_message(cast)} END" for cast in casts if cast.refused)
    return f"CASE WHEN {anything} THEN concat_ws('; ', {messages}) END"


def _value(text: str, kind: DataType, formats: TimeFormats) -> str:
    match kind.name:
        case "DATE" if formats.date is not None:
            return f"CAST(try_strptime({text}, {quote_text(formats.date)}) AS DATE)"
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" if formats.timestamp is not None:
            return f"CAST(try_strptime({text}, {quote_text(formats.timestamp)}) AS {kind})"
        case "TIMESTAMP":
            return moment(text)
        case "LIST" | "ARRAY" | "STRUCT" | "MAP":
            # TRY_CAST would put NULL in the place of a member that does not fit.
            apart = zoned(kind)
            return f"TRY(CAST({text} AS {kind}))" if apart == kind else f"TRY(CAST(CAST({text} AS {apart}) AS {kind}))"
        case _:
            return f"TRY_CAST({text} AS {kind})"


def _inexact(text: str, value: str, kind: DataType, formats: TimeFormats) -> str | None:
    """When the cast would lose digits of a decimal, or the time of a date."""
    if kind.name == "DECIMAL":
        scale = kind.arguments[1]
        digits = rf"\.[0-9]{{{scale}}}[0-9]*[1-9]|[eE]-"
        return f"regexp_matches({text}, {quote_text(digits)})"
    if kind.name == "DATE" and formats.date is None:
        midnight = f"TRY_CAST({text} AS TIMESTAMP) IS DISTINCT FROM CAST({value} AS TIMESTAMP)"
        return f"(length({text}) > 10 AND {midnight})"
    return None


def _message(cast: Cast) -> str:
    start = quote_text(f"column {quote_identifier(cast.column.name)}: '")
    end = quote_text(f"' is not {_article(cast.column.type)} {cast.column.type}")
    shown = f"CASE WHEN length({cast.text}) > 100 THEN left({cast.text}, 100) || '...' ELSE {cast.text} END"
    return f"{start} || {shown} || {end}"


def _article(kind: DataType) -> str:
    return "an" if kind.name[0] in "AEIO" else "a"
