"""How long constant intervals are, held to the engine's calendar."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from headwater.sql.intervals import interval_length, interval_lengths
from headwater.sql.parse import parse_engine_sql


def interval(text: str):
    return parse_engine_sql(f"SELECT INTERVAL {text}").expressions[0]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("'90' MINUTE", timedelta(minutes=90)),
        ("(-10) MINUTE", timedelta(minutes=-10)),
        ("(2) HOURS", timedelta(hours=2)),
        ("'1 day 30 minutes'", timedelta(days=1, minutes=30)),
        ("'1' MONTH", None),
        ("'1 year 2 days'", None),
        ("'02:00:00'", None),
        ("(1 + 1) HOUR", None),
        ("'99999999999' YEAR", None),
    ],
)
def test_lengths_that_do_not_vary(text: str, length: timedelta | None) -> None:
    assert interval_length(interval(text)) == length


@pytest.mark.parametrize(
    "text", ["1 MONTH", "(-1) MONTH", "2 MONTHS", "'1' QUARTER", "1 YEAR", "13 MONTHS", "(-5) YEARS"]
)
def test_months_and_years_last_as_long_as_the_calendar_says(text: str) -> None:
    with duckdb.connect() as connection:
        (days,) = connection.execute(
            f"SELECT min(d), max(d) FROM (SELECT date_diff('day', t, t + INTERVAL {text}) AS d FROM "
            "(SELECT TIMESTAMP '1896-01-01' + INTERVAL (i) DAY AS t FROM range(4000) AS r(i)))"
        ).fetchall()
    lengths = interval_lengths(interval(text))
    assert lengths is not None
    assert lengths[0] <= timedelta(days=days[0]) <= timedelta(days=days[1]) <= lengths[1]
    assert lengths[1] - lengths[0] <= timedelta(days=3 + abs(days[1]) // 10)


def test_parts_add_up() -> None:
    assert interval_lengths(interval("'1 month 2 days'")) == (timedelta(days=30), timedelta(days=33))
