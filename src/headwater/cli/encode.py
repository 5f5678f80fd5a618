"""Values as JSON and as table cells.

Apart from the screens so that both forms of a value stand side by side: what a
program reads (exact, ISO 8601, nested) and what a person reads.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch

from headwater.cli.report import error_to_json, printable
from headwater.errors import HeadwaterError
from headwater.types import DataType, Json, RelationName, Schema

__all__ = ["counted", "to_cell", "to_json", "to_json_rows", "to_json_text"]


@singledispatch
def to_json(value: object) -> Json:
    """A value of the api as JSON: names and types as text, times and durations as ISO 8601, enums as their values.

    >>> to_json(RelationName("shop", "orders"))
    'shop.orders'
    """
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Iterable):
        return [to_json(each) for each in value]
    return str(value)


@to_json.register(str | bool | int | None)
def _(value: str | bool | int | None) -> Json:
    return value


@to_json.register
def _(value: Enum) -> Json:
    return to_json(value.value)


@to_json.register
def _(value: float) -> Json:
    return value if math.isfinite(value) else str(value)


@to_json.register(RelationName | DataType)
def _(value: RelationName | DataType) -> Json:
    return str(value)


@to_json.register
def _(value: HeadwaterError) -> Json:
    return error_to_json(value)


@to_json.register
def _(value: Schema) -> Json:
    return [{"name": column.name, "type": str(column.type), "nullable": column.nullable} for column in value]


@to_json.register(date | time)
def _(value: date | time) -> Json:
    return value.isoformat()


@to_json.register
def _(value: timedelta) -> Json:
    return _duration(value)


@to_json.register
def _(value: bytes) -> Json:
    return base64.b64encode(value).decode()


@to_json.register(Mapping)
def _(value: Mapping[object, object]) -> Json:
    return {str(key): to_json(each) for key, each in value.items()}


def to_json_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    r"""The lines of a JSON array that holds one object a row.

    >>> print("\n".join(to_json_rows(["id", "name"], [(1, "ada"), (2, None)])))
    [
      {"id": 1, "name": "ada"},
      {"id": 2, "name": null}
    ]
    """
    keys = [json.dumps(name, ensure_ascii=False) for name in columns]
    behind = None
    for row in rows:
        yield "[" if behind is None else f"{behind},"
        members = ", ".join(f"{key}: {to_json_text(value)}" for key, value in zip(keys, row, strict=True))
        behind = f"  {{{members}}}"
    yield from ("[]",) if behind is None else (behind, "]")


def to_json_text(value: object) -> str:
    """A value of a row as JSON text; a decimal is a number with all its digits, NaN and infinities are strings.

    >>> to_json_text({"price": Decimal("12.50"), "on": date(2024, 2, 29), "tags": ["a", None]})
    '{"price": 12.50, "on": "2024-02-29", "tags": ["a", null]}'
    """
    match value:
        case Decimal():
            return format(value, "f") if value.is_finite() else json.dumps(str(value))
        case Mapping():
            members = (f"{json.dumps(str(k), ensure_ascii=False)}: {to_json_text(v)}" for k, v in value.items())
            return f"{{{', '.join(members)}}}"
        case list() | tuple():
            return f"[{', '.join(map(to_json_text, value))}]"
        case _:
            return json.dumps(to_json(value), ensure_ascii=False)


def to_cell(value: object, *, widest: int | None = None) -> str:
    r"""A value in a table: one line, without control characters, cut behind ``widest`` characters.

    >>> to_cell("two\nlines"), to_cell(None), to_cell(Decimal("1.50"))
    ('two\\nlines', 'NULL', '1.50')
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            text = value
        case datetime():
            text = value.isoformat(sep=" ")
        case Mapping() | list() | tuple() | bytes() | timedelta():
            text = to_json_text(value) if not isinstance(value, bytes | timedelta) else str(to_json(value))
        case _:
            text = str(value)
    text = printable(text).replace("\n", "\\n").replace("\t", "\\t")
    return text if widest is None or len(text) <= widest else f"{text[: widest - 1]}…"


def counted(count: int, word: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _duration(value: timedelta) -> str:
    """ISO 8601: days and seconds, the only units of fixed length.

    >>> _duration(timedelta(days=1, seconds=90))
    'P1DT90S'
    """
    sign = "-" if value < timedelta() else ""
    size = abs(value)
    seconds = Decimal(size.seconds) + Decimal(size.microseconds) / 1_000_000
    days = f"{size.days}D" if size.days else ""
    rest = f"T{seconds.normalize():f}S" if seconds or not days else ""
    return f"{sign}P{days}{rest}"
