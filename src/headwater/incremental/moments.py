"""Moments: what the steps of a program depend on of the time that has passed, known before an epoch's steps run.

Apart from the program because it is arithmetic. A moment stands in the steps as an identifier, and its value takes
that place when they run: a condition then compares with a constant, which costs an engine nothing to look up
and lets it skip the blocks of a table that lie on the other side. Where it is given as a parameter, the texts of steps
are the same in every epoch, and parsed once. Infinite times need no SQL of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["BEGINNING", "END", "Marks", "Moment", "since_1970"]

END: Final = 9223372036854775807
"""The watermark of what has ended: behind all times."""

BEGINNING: Final = -END
"""The watermark before the first row."""

_microsecond: Final = timedelta(microseconds=1)
_epoch: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is UTC throughout


@frozen
class Marks:
    """The watermark of a relation, in microseconds since 1970: which earlier epochs left, and of this one."""

    previous: int
    now: int


@frozen
class Moment:
    """A value of the least watermark of ``relations``, less ``delay``.

    Without ``width`` it is a time. With it, a whole number: ``n`` slices of ``width`` microseconds, the first of
    which begins ``offset`` microseconds after 1970, have ended by then, and the value is ``n * times + plus``.

    Attributes:
        name: the identifier that stands for it, quoted.
        before: it is the watermark that earlier epochs left.
    """

    name: str
    relations: frozenset[RelationName]
    before: bool = False
    delay: timedelta = timedelta()
    offset: int = 0
    width: int | None = None
    times: int = 1
    plus: int = 0

    def literal(self, marks: Mapping[RelationName, Marks]) -> str:
        """Its value as SQL.

        >>> a = RelationName("p", "a")
        >>> marks = {a: Marks(BEGINNING, 90_000_000)}
        >>> Moment('"m"', frozenset([a]), delay=timedelta(seconds=30)).literal(marks)
        "TIMESTAMP '1970-01-01 00:01:00.000000'"
        >>> Moment('"m"', frozenset([a]), width=60_000_000).literal(marks)
        '1'
        >>> Moment('"m"', frozenset([a]), before=True).literal(marks)
        "TIMESTAMP '-infinity'"
        """
        number = self.number(marks)
        if self.width is not None:
            return str(number)
        if not BEGINNING < number < END:
            return f"TIMESTAMP '{'-' if number < 0 else ''}infinity'"
        return _time(number)

    def parameter(self, marks: Mapping[RelationName, Marks]) -> int | datetime | None:
        """Its value as drivers take it; None where it is a time that these do not have."""
        number = self.number(marks)
        if self.width is not None:
            return number
        try:
            return _epoch + timedelta(microseconds=number)
        except OverflowError:
            return None

    def number(self, marks: Mapping[RelationName, Marks]) -> int:
        """Its value as a whole number, of a time that of its microseconds since 1970."""
        least = min(marks[name].previous if self.before else marks[name].now for name in self.relations)
        if not BEGINNING < least < END:
            return least
        least -= self.delay // _microsecond
        if self.width is None:
            return least
        return max(BEGINNING, min((least - self.offset) // self.width * self.times + self.plus, END))


def since_1970(at: datetime) -> int:
    """A time with a zone in microseconds.

    >>> since_1970(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000000
    """
    return (at.astimezone(UTC).replace(tzinfo=None) - _epoch) // _microsecond


def _time(number: int) -> str:
    try:
        at = _epoch + timedelta(microseconds=number)
    except OverflowError:
        return f"make_timestamp({number})"
    return f"TIMESTAMP '{at.isoformat(sep=' ', timespec='microseconds')}'"
