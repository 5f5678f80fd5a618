"""Time as whole numbers: slices of equal width, into which windows are cut.

Apart from the kinds that keep state by slice because they share the arithmetic. A slice is the
number ``floor((time - offset) / width)`` in microseconds since 1970; whole numbers are grouped, joined and compared
in a fraction of the time that timestamps and intervals take ("Cutty", Carbone et al., CIKM 2016, on slicing).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from headwater.types import quote_identifier

__all__ = ["SLICE", "floored", "microseconds", "time_of", "whole"]

SLICE: Final = quote_identifier("_hw_slice")
"""The column with a row's slice."""


def whole(length: timedelta) -> int:
    """A length of time in microseconds."""
    return length // timedelta(microseconds=1)


def microseconds(time: str) -> str:
    """A time in microseconds since 1970."""
    return f"epoch_us(CAST({time} AS TIMESTAMP))"


def floored(number: str, width: int) -> str:
    """The greatest whole number that is not above ``number / width``; ``//`` alone rounds towards zero.

    Written so that one division is made for a row, which is most of what it costs.

    >>> floored("x", 1)
    'x'
    >>> floored("x", 10)
    '(CASE WHEN x < 0 THEN (x + 1) // 10 - 1 ELSE x // 10 END)'
    """
    if width == 1:
        return number
    return f"(CASE WHEN {number} < 0 THEN ({number} + 1) // {width} - 1 ELSE {number} // {width} END)"


def time_of(number: str, offset: int, width: int) -> str:
    """The time at which a slice begins.

    >>> time_of('"_hw_slice"', 5, 60)
    'make_timestamp("_hw_slice" * 60 + 5)'
    """
    shift = f" + {offset}" if offset else ""
    return f"make_timestamp({number} * {width}{shift})"
