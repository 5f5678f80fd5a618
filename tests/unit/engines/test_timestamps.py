"""Texts as timestamps: quick where they are written as usual, and one meaning however they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engines.duckdb import DuckDBEngine
from headwater.engines.duckdb.casts import TimeFormats, cast_text
from headwater.spi.engine import Session
from headwater.types import Column, DataType, Schema, quote_text

from .conftest import Scan

COLUMN = Column("at", DataType.parse("timestamp"))
WRITTEN = (
    "2020-02-11T10:20:30.123",
    "2020-02-11 10:20:30.123456",
    "2020-02-11T10:20:30",
    "2020-02-11 10:20:30Z",
    "2020-02-11T10:20:30.123Z",
    "2020-02-11T10:20:30.5+02",
    "2020-02-11 10:20:30.123456Z",
    "2020-02-11 10:20:30 UTC",
    "2020-02-11T10:20:30-03:30",
    "2020-02-11T10:20+02:00",
    "2020-02-11",
    "infinity",
    "2020-02-11 (BC) 10:20:30",
)


def _values(engine: DuckDBEngine, texts: list[str], expression: str) -> list[str | None]:
    rows = ", ".join(f"({place}, {quote_text(text)})" for place, text in enumerate(texts))
    with engine.query({"threads": 1}) as session:
        found = session.fetch(
            f"SELECT CAST({expression} AS VARCHAR) FROM (VALUES {rows}) AS r (place, t) ORDER BY place"
        )
    return [value for (value,) in found]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-02-11T10:20:30.5", "2020-02-11 10:20:30.5"),
        ("2020-02-11 10:20:30.05", "2020-02-11 10:20:30.05"),
        ("2020-02-11T10:20:30.123", "2020-02-11 10:20:30.123"),
        ("2020-02-11T10:20:30.123456Z", "2020-02-11 10:20:30.123456"),
        ("2020-02-11 10:20:30Z", "2020-02-11 10:20:30"),
        ("2020-02-11", "2020-02-11 00:00:00"),
        ("2020-02-11T10:20:30+02:00", "2020-02-11 08:20:30"),
        ("2020-02-11 10:20:30 Europe/Berlin", "2020-02-11 09:20:30"),
        ("2020-02-11T10:20:30 Nowhere", None),
        ("2020-02-30T10:20:30", None),
        ("2020-02-11T24:20:30", None),
        ("", None),
    ],
)
def test_a_text_is_a_moment_in_utc(engine: DuckDBEngine, text: str, moment: str | None) -> None:
    assert _values(engine, [text], cast_text("t", COLUMN, TimeFormats()).value) == [moment]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda text, at, new, cut: text[:at] + new + text[at + cut :],
            st.sampled_from(WRITTEN),
            st.integers(0, 27),
            st.text("0123456789+-:.TZ Ué", max_size=2),
            st.integers(0, 2),
        ),
        min_size=40,
        max_size=80,
    )
)
def test_the_quick_way_means_what_the_cast_means(engine: DuckDBEngine, texts: list[str]) -> None:
    found = _values(engine, texts, cast_text("t", COLUMN, TimeFormats()).value)
    meant = _values(engine, texts, "timezone('UTC', TRY_CAST(t AS TIMESTAMP WITH TIME ZONE))")
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, meant, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.datetimes(), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_what_python_writes_is_read(engine: DuckDBEngine, moment: datetime, precision: str) -> None:
    coarse = {"seconds": 10**6, "milliseconds": 1000, "microseconds": 1}[precision]
    texts = [moment.isoformat(between, precision) + zone for between in "T " for zone in ("", "Z", "+00:00")]
    read = _values(engine, texts, f"epoch_us({cast_text('t', COLUMN, TimeFormats()).value})")
    since = (moment.replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    assert read == [str(since // coarse * coarse)] * 6


@pytest.mark.parametrize("faulty", [b"", b'{"n": "x"}\n'], ids=["quick way", "careful way"])
def test_a_zone_counts_in_structures_too(session: Session, scan: Scan, faulty: bytes) -> None:
    line = (
        b'{"n": 1, "whole": "T", "more": {"since": "T"}, "every": ["T"], "named": {"a": "T"}, "at_which": {"T": 2},'
        b' "deep": [{"since": "T"}]}\n'
    ).replace(b"T", b"2026-01-01T10:00:00+02:00")
    columns = {
        "n": "integer",
        "whole": "timestamp",
        "more": "struct(since timestamp)",
        "every": "timestamp[]",
        "named": "map(varchar, timestamp)",
        "at_which": "map(timestamp, integer)",
        "deep": "struct(since timestamp)[]",
    }
    session.land('"c"', scan("ndjson", line + faulty), schema=Schema.of(columns), rejects='"m"')
    shown = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in columns)
    moment = "2026-01-01 08:00:00"
    assert session.fetch(f'SELECT {shown} FROM "c"') == [
        (
            "1",
            moment,
            f"{{'since': '{moment}'}}",
            f"['{moment}']",
            f"{{a='{moment}'}}",
            f"{{'{moment}'=2}}",
            f"[{{'since': '{moment}'}}]",
        )
    ]


@pytest.mark.parametrize("text", [*WRITTEN, "-infinity", "2020-02-11 10:2 :30", "2020-02-11 10:20 Nowhere", "x", ""])
def test_both_ways_of_reading_say_the_same(session: Session, scan: Scan, text: str) -> None:
    columns = {
        "whole": "timestamp",
        "more": "struct(since timestamp, n integer)",
        "every": "timestamp[]",
        "two": "timestamp[2]",
        "named": "map(varchar, timestamp)",
        "at_which": "map(timestamp, integer)",
        "zoned": "struct(since timestamp with time zone)[]",
    }
    given = """{"whole": "T", "more": {"since": "T"}, "every": ["T"], "two": ["T", null], "named": {"a": "T"},
        "at_which": {"T": 2}, "zoned": [{"since": "T"}]}"""
    line = " ".join(given.split()).replace("T", text).replace("{{", "{").replace("}}", "}").encode() + b"\n"
    found = []
    for faulty in (b"", b"no object\n"):
        name = f'"c{len(found)}"'
        session.land(name, scan("ndjson", line + faulty), schema=Schema.of(columns), rejects=f'"m{len(found)}"')
        shown = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns)
        found.append(session.fetch(f"SELECT {shown} FROM {name}"))
    assert found[0] == found[1]
    (meant,) = _values(DuckDBEngine(), [text], "timezone('UTC', TRY_CAST(t AS TIMESTAMP WITH TIME ZONE))")
    assert [row[0] for row in found[0]] == ([] if meant is None else [meant])


def test_a_zone_counts_in_structures_of_text(session: Session, scan: Scan) -> None:
    content = b"n;more\n1;{'since': 2026-01-01 10:00:00+02:00}\n"
    schema = Schema.of({"n": "integer", "more": "struct(since timestamp)"})
    session.land('"c"', scan("csv", content, delimiter=";"), schema=schema, rejects='"m"')
    assert session.fetch('SELECT CAST(more AS VARCHAR) FROM "c"') == [("{'since': '2026-01-01 08:00:00'}",)]
