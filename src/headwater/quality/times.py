"""Event time as reasons against rows: outside the calendar, ahead of the clock, behind the watermark.

Apart from the other checks because late and future rows are decided by more than the
row: by how far its relation had come, and by the clock of the run, which are given as :class:`Timing`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.quality.checks import RowCheck
from headwater.spec.contract import EventTime
from headwater.types import Column, quote_identifier
from headwater.values import frozen

__all__ = ["FUTURE", "LATE", "TimeTest", "Timing", "calendar_check", "event_time_of", "time_tests"]

LATE: Final = "late"
"""The reason against a row before the watermark of earlier epochs: it is late, whatever else is wrong with it."""

FUTURE: Final = "future"
"""The reason against a row further ahead of the clock than the contract allows."""


@frozen
class Timing:
    """When rows are judged.

    Attributes:
        at: the run's clock.
        watermark: that of the relation behind the epochs before this one; None while nothing is known, and
            wherever lateness is not to be judged (again): then no row is late.
    """

    at: datetime
    watermark: datetime | None = None


@frozen
class TimeTest:
    """A reason against rows: what is demanded of a candidate ``c``; NULL, without an event time, is no reason.

    ``doubt`` is that of :class:`headwater.quality.checks.RowCheck`, with ``{}`` where ``bound`` stands.
    """

    code: str
    demand: str
    doubt: str
    bound: datetime


def event_time_of(column: Column, table: str = "") -> str:
    """A column of times as TIMESTAMP in UTC; NULL where it lies outside of what that can hold.

    >>> from headwater.types import DataType
    >>> event_time_of(Column("at", DataType.parse("DATE")), "c")
    'TRY_CAST(c."at" AS TIMESTAMP)'
    """
    name = f"{table}.{quote_identifier(column.name)}" if table else quote_identifier(column.name)
    return name if column.type.name == "TIMESTAMP" else f"TRY_CAST({name} AS TIMESTAMP)"


def calendar_check(column: Column) -> RowCheck:
    """Event times are those of the calendar that every system knows: infinite ones would end all time."""
    name = quote_identifier(column.name)
    if column.type.name == "DATE":
        moment, first, end = name, "DATE '0001-01-01'", "DATE '10000-01-01'"
    else:
        moment = event_time_of(column)
        first, end = "TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP '10000-01-01 00:00:00'"
    doubt = f"min({moment}) < {first} OR max({moment}) >= {end} OR count({moment}) < count({name})"
    return RowCheck(
        f"calendar:{column.name}",
        f"{name} IS NULL OR coalesce({moment} >= {first} AND {moment} < {end}, FALSE)",
        f"{column.name} lies in the years 1 to 9999",
        doubt,
    )


def time_tests(event_time: EventTime, column: Column, timing: Timing) -> list[TimeTest]:
    """What a relation's event time has against candidates; a row without event time passes both."""
    moment = event_time_of(column, "c")
    tests = []
    if event_time.future is not None:
        latest = _naive(_sum(timing.at, event_time.future))
        tests.append(TimeTest(FUTURE, f"{moment} <= {_literal(latest)}", f"max({moment}) > {{}}", latest))
    if timing.watermark is not None:
        watermark = _naive(timing.watermark)
        tests.append(TimeTest(LATE, f"{moment} >= {_literal(watermark)}", f"min({moment}) < {{}}", watermark))
    return tests


def _sum(moment: datetime, ahead: timedelta) -> datetime:
    try:
        return moment + ahead
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    """A moment as TIMESTAMP has it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.isoformat(sep=' ', timespec='microseconds')}'"
