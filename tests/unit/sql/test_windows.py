"""Window table functions against a plain Python computation of the same rule."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the column has no time zone
Row = tuple[str, datetime]
Windowed = tuple[str, datetime, datetime, datetime]

rows = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2", "s3"]),
        st.integers(min_value=-3_000, max_value=3_000).map(lambda n: EPOCH + timedelta(minutes=n, seconds=n % 7)),
    ),
    max_size=25,
)
minutes = st.integers(min_value=1, max_value=200)


def floor(at: datetime, width: timedelta, offset: timedelta = timedelta()) -> datetime:
    return at - (at - EPOCH - offset) % width


def tumble(found: list[Row], size: timedelta, offset: timedelta) -> list[Windowed]:
    starts = [(key, at, floor(at, size, offset)) for key, at in found]
    return [(key, at, start, start + size) for key, at, start in starts]


def hop(found: list[Row], slide: timedelta, size: timedelta) -> list[Windowed]:
    windows = []
    for key, at in found:
        start = floor(at, slide)
        while start + size > at:
            windows.append((key, at, start, start + size))
            start -= slide
    return windows


def cumulate(found: list[Row], step: timedelta, size: timedelta) -> list[Windowed]:
    windows = []
    for key, at in found:
        start = floor(at, size)
        end = start + step
        while end <= start + size:
            if end > at:
                windows.append((key, at, start, end))
            end += step
    return windows


def session(found: list[Row], gap: timedelta, *, keyed: bool) -> list[Windowed]:
    windows: list[Windowed] = []
    for _, group in groupby(sorted(found), key=lambda row: row[0] if keyed else ""):
        open_rows: list[Row] = []
        for row in sorted(group, key=lambda row: row[1]):
            if open_rows and row[1] - open_rows[-1][1] > gap:
                windows += [(k, at, open_rows[0][1], open_rows[-1][1] + gap) for k, at in open_rows]
                open_rows = []
            open_rows.append(row)
        windows += [(k, at, open_rows[0][1], open_rows[-1][1] + gap) for k, at in open_rows]
    return windows


def run(world, query: str, found: list[Row]) -> Counter:
    analysis = world.analyse(f"SELECT sensor, at, window_start, window_end, window_time FROM {query}")
    with world.connect() as connection:
        connection.execute('DELETE FROM "lab.readings"')
        for key, at in found:
            connection.execute('INSERT INTO "lab.readings" VALUES (?, ?, 0.0, 0)', [key, at])
        connection.execute("INSERT INTO \"lab.readings\" VALUES ('null', NULL, 0.0, 0)")
        result = connection.execute(analysis.engine_sql).fetchall()
    assert all(time == end - timedelta(microseconds=1) for *_, end, time in result)
    return Counter(row[:4] for row in result)


def test_times_have_the_type_of_the_time_column(world) -> None:
    for query in (
        "TUMBLE(readings, at, INTERVAL 1 HOUR)",
        "SESSION(readings PARTITION BY sensor, at, INTERVAL 1 HOUR)",
    ):
        analysis = world.analyse(f"SELECT window_start, window_end, window_time FROM {query}")
        assert analysis.schema.to_mapping() == dict.fromkeys(("window_start", "window_end", "window_time"), "TIMESTAMP")


@settings(max_examples=15, deadline=None)
@given(rows, minutes, st.integers(min_value=-100, max_value=100))
def test_tumble(world, found: list[Row], size: int, offset: int) -> None:
    query = f"TUMBLE(readings, at, INTERVAL {size} MINUTES, INTERVAL ({offset}) MINUTES)"
    query = query.replace(f"({offset})", f"'{offset}'")
    expected = tumble(found, timedelta(minutes=size), timedelta(minutes=offset))
    assert run(world, query, found) == Counter(expected)


@settings(max_examples=15, deadline=None)
@given(rows, minutes, minutes)
def test_hop(world, found: list[Row], one: int, other: int) -> None:
    slide, size = sorted((one, other))
    query = f"HOP(readings, at, INTERVAL {slide} MINUTES, INTERVAL {size} MINUTES)"
    expected = hop(found, timedelta(minutes=slide), timedelta(minutes=size))
    assert run(world, query, found) == Counter(expected)


@settings(max_examples=15, deadline=None)
@given(rows, minutes, st.integers(min_value=1, max_value=8))
def test_cumulate(world, found: list[Row], step: int, steps: int) -> None:
    query = f"CUMULATE(readings, at, INTERVAL {step} MINUTES, INTERVAL {step * steps} MINUTES)"
    expected = cumulate(found, timedelta(minutes=step), timedelta(minutes=step * steps))
    assert run(world, query, found) == Counter(expected)


@settings(max_examples=15, deadline=None)
@given(rows, minutes)
def test_session(world, found: list[Row], gap: int) -> None:
    query = f"SESSION(readings PARTITION BY sensor, at, INTERVAL {gap} MINUTES)"
    assert run(world, query, found) == Counter(session(found, timedelta(minutes=gap), keyed=True))


@settings(max_examples=10, deadline=None)
@given(rows, minutes)
def test_session_of_all_rows(world, found: list[Row], gap: int) -> None:
    query = f"SESSION(readings, at, INTERVAL {gap} MINUTES)"
    assert run(world, query, found) == Counter(session(found, timedelta(minutes=gap), keyed=False))


@pytest.mark.parametrize(
    "query",
    [
        "TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR, INTERVAL '5' MINUTE))",
        "TABLE(TUMBLE(DATA => TABLE readings, TIMECOL => DESCRIPTOR(at), "
        "OFFSET => INTERVAL '5' MINUTE, SIZE => INTERVAL '1' HOUR))",
        "tumble(table readings, descriptor(at), interval 1 hours, interval 5 minutes)",
        "TUMBLE(lab.readings, AT, INTERVAL '1 hour', INTERVAL '5 minutes')",
    ],
)
def test_every_spelling_is_one_query(world, query: str) -> None:
    expected = "SELECT sensor, window_end FROM TUMBLE(readings, at, INTERVAL 1 HOUR, INTERVAL 5 MINUTE)"
    found = world.analyse(f"SELECT sensor, window_end FROM {query}")
    assert found.engine_sql == world.analyse(expected).engine_sql
