"""ISO 8601 durations, as contracts write them.

Apart from the models that use them: a duration is text in a file and a
``timedelta`` everywhere else.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

__all__ = ["DURATION_PATTERN", "parse_duration", "to_duration"]

DURATION_PATTERN: Final = (
    r"^P(?=[0-9T])(?:[0-9]{1,6}W)?(?:[0-9]{1,6}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,9}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}(?:\.[0-9]{1,6})?S)?)?$"
)
"""ISO 8601 durations of weeks, days, hours, minutes and seconds, as a regular expression of JSON Schema."""

_valid: Final = re.compile(DURATION_PATTERN[:-1] + r"\Z")
_parts: Final = re.compile(r"([0-9.]+)([WDHMS])")
_units: Final = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Years and months have no fixed length and are refused, as is a bare ``P``.

    Raises:
        ValueError: the text is none.

    >>> parse_duration("PT10M")
    datetime.timedelta(seconds=600)
    """
    if not _valid.match(text):
        raise ValueError(
            f"'{text}' is not an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT10M or P1DT12H"
        )
    return timedelta(**{_units[unit]: float(amount) for amount, unit in _parts.findall(text)})


def to_duration(value: timedelta) -> str:
    """The shortest ISO 8601 form of a duration.

    >>> to_duration(timedelta(days=1, minutes=90))
    'P1DT1H30M'
    >>> to_duration(timedelta(0))
    'PT0S'
    """
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    clock = "".join(f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M")) if amount)
    if seconds or fraction:
        clock += f"{seconds}{fraction}S"
    if not (days or clock):
        return "PT0S"
    return f"P{days}{'T' + clock if clock else ''}"
