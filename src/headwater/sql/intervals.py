"""The lengths of constant intervals, as far as they have one.

Apart from windows because joins within a span of time ask for them too.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from sqlglot import exp

__all__ = ["interval_length", "interval_lengths"]

_units: Final = {
    "MICROSECOND": timedelta(microseconds=1),
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(weeks=1),
}
_months: Final = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "DECADE": 120, "CENTURY": 1200, "MILLENNIUM": 12000}
_number: Final = re.compile(r"\s*[+-]?\d+(?:\.\d+)?\s*")
_pair: Final = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def interval_length(node: exp.Expr) -> timedelta | None:
    """The length of a constant interval, None when it varies (months) or is computed."""
    found = interval_lengths(node)
    return found[0] if found is not None and found[0] == found[1] else None


def interval_lengths(node: exp.Expr) -> tuple[timedelta, timedelta] | None:
    """The least and the greatest length of a constant interval; None when it is computed.

    A month has 28 to 31 days, a year 365 or 366; a day that its month does not have is the month's last.
    """
    parts = _parts(node)
    if not parts:
        return None
    least = most = timedelta()
    try:
        for number, unit in parts:
            if unit in _units:
                ends = (number * _units[unit], number * _units[unit])
            elif unit in _months and number == int(number):
                ends = _of_months(int(number) * _months[unit])
            else:
                return None
            least, most = least + min(ends), most + max(ends)
    except OverflowError:
        return None
    return least, most


def _of_months(number: int) -> tuple[timedelta, timedelta]:
    years, months = divmod(abs(number), 12)
    sign = 1 if number >= 0 else -1
    return sign * timedelta(days=365 * years + 28 * months), sign * timedelta(days=366 * years + 31 * months)


def _parts(node: exp.Expr) -> list[tuple[float, str]]:
    """The numbers of a constant interval and their units; none when it is computed."""
    value = node.this.unnest() if isinstance(node, exp.Interval) and isinstance(node.this, exp.Expr) else None
    sign = -1 if isinstance(value, exp.Neg) else 1
    value = value.this if isinstance(value, exp.Neg) else value
    if not isinstance(value, exp.Literal):
        return []
    unit = node.args.get("unit")
    if unit is not None:
        plain = isinstance(unit, exp.Var) and _number.fullmatch(value.name)
        return [(sign * float(value.name), _singular(unit.name))] if plain else []
    found, at, text = [], 0, value.name
    while match := _pair.match(text, at):
        found.append((sign * float(match[1]), _singular(match[2])))
        at = match.end()
    return [] if text[at:].strip() else found


def _singular(unit: str) -> str:
    return {"CENTURIES": "CENTURY", "MILLENNIA": "MILLENNIUM"}.get(unit.upper(), unit.upper().removesuffix("S"))
