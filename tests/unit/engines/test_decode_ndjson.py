"""NDJSON: every line is decoded or refused, once."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engines.duckdb.decode_ndjson import max_line_bytes, quick_line_bytes
from headwater.errors import DataError
from headwater.spi.engine import Landed, Session
from headwater.types import Schema

from .conftest import Scan

events = Schema.of({"id": "integer", "name": "varchar", "at": "timestamp", "more": "struct(x int, y text[])"})
Row = tuple[Any, ...]


def land(session: Session, scan: Any, schema: Schema = events) -> tuple[list[Row], list[Row]]:
    landed = session.land('"change.t"', scan, schema=schema, rejects='"malformed.t"')
    rows = session.fetch('SELECT * FROM "change.t" ORDER BY _hw_source, _hw_offset')
    rejects = session.fetch(
        'SELECT raw, code, _hw_source, _hw_offset FROM "malformed.t" ORDER BY _hw_source, _hw_offset'
    )
    assert landed == Landed(len(rows), len(rejects))
    session.drop('"change.t"')
    session.drop('"malformed.t"')
    return rows, rejects


def test_a_sound_file(session: Session, scan: Scan) -> None:
    content = b'{"id": 1, "more": {"x": 2, "y": ["a", null]}, "other": 0}\r\n\n{"name": {"kept": "as text"}}'
    rows, rejects = land(session, scan("ndjson", content))
    assert rows == [
        (1, None, None, {"x": 2, "y": ["a", None]}, "data/0.ndjson", 1),
        (None, '{"kept":"as text"}', None, None, "data/0.ndjson", 2),
    ]
    assert rejects == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"id": "x"}', "type"),
        (b'{"id": 1.5}', "type"),
        (b'{"id": true}', "type"),
        (b'{"id": 99999999999}', "type"),
        (b'{"at": 1357000000}', "type"),
        (b'{"at": "yesterday"}', "type"),
        (b'{"more": {"x": "q"}}', "type"),
        (b'{"more": {"y": 1}}', "type"),
        (b'{"more": [1]}', "type"),
        (b'{"id": 1', "invalid_json"),
        (b'{"id": 1} x', "invalid_json"),
        (b'{"id": 1}{"id": 2}', "invalid_json"),
        (b'{"id": 1},', "invalid_json"),
        (b'{"name": "x\x00"}', "invalid_json"),
        (b'{"name": "\\ud800"}', "invalid_json"),
        (b"id=1", "invalid_json"),
        (b"null", "not_an_object"),
        (b"[1, 2]", "not_an_object"),
        (b"7", "not_an_object"),
        (b'{"id": 1, "id": 2}', "duplicate_key"),
        (b'{"name": "\xff"}', "invalid_encoding"),
        (b'{"name": "' + b"x" * max_line_bytes + b'"}', "record_too_long"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_faults(session: Session, scan: Scan, line: bytes, code: str) -> None:
    rows, rejects = land(session, scan("ndjson", b'{"id": 1}\n' + line + b'\n{"id": 3}\n'))
    assert [(row[0], row[-1]) for row in rows] == [(1, 1), (3, 3)]
    shown = line.decode("utf-8", "backslashreplace")
    assert rejects == [(shown, code, "data/0.ndjson", 2)]


def test_a_long_line_is_taken(session: Session, scan: Scan) -> None:
    name = "x" * (2 * quick_line_bytes)
    rows, rejects = land(session, scan("ndjson", b'{"id": 1}\n{"id": 2, "name": "%s"}\n' % name.encode()))
    assert ([row[0] for row in rows], rows[1][1] == name, rejects) == ([1, 2], True, [])


def test_every_key_may_be_absent(session: Session, scan: Scan) -> None:
    rows, _ = land(session, scan("ndjson", b'{}\n{"other": 1, "other": 2}\n{"id": null}\n'))
    assert [row[:-2] for row in rows] == [(None,) * 4] * 3


def test_exact_values(session: Session, scan: Scan) -> None:
    schema = Schema.of({"d": "decimal(30,2)", "h": "hugeint"})
    content = b'{"d": 1.10, "h": 123456789012345678901234567890}\n{"d": "12345678901234567890.12"}\n{"d": 1.005}\n'
    rows, rejects = land(session, scan("ndjson", content), schema)
    assert [row[:1] for row in rows] == [(Decimal("1.10"),), (Decimal("12345678901234567890.12"),)]
    assert rows[0][1] == 123456789012345678901234567890
    assert [reject[1] for reject in rejects] == ["type"]


def test_files_together(session: Session, scan: Scan) -> None:
    files = scan("ndjson", b'{"id": 1}\n', b"", b'\xef\xbb\xbf{"id": 2}\n', b'{"id": 3}\n{"id": "x"}\n')
    rows, rejects = land(session, files)
    assert [(row[0], row[-2], row[-1]) for row in rows] == [
        (1, "data/0.ndjson", 1),
        (2, "data/2.ndjson", 1),
        (3, "data/3.ndjson", 1),
    ]
    assert rejects == [('{"id": "x"}', "type", "data/3.ndjson", 2)]


def test_compressed_and_truncated(session: Session, scan: Scan) -> None:
    packed = gzip.compress(b"".join(b'{"id": %d}\n' % number for number in range(20_000)))
    assert len(land(session, scan("ndjson", packed, suffix=".gz"))[0]) == 20_000
    with pytest.raises(DataError) as caught:
        land(session, scan("ndjson", packed[:-2000], suffix=".gz"))
    assert caught.value.message == "data/0.ndjson.gz cannot be read to its end"


def test_inside_a_transaction(session: Session, scan: Scan) -> None:
    session.begin()
    session.execute("CREATE TABLE kept (x INTEGER)")
    rows, rejects = land(session, scan("ndjson", b'{"id": 1}\n{"id": "x"}\n[]\n'))
    assert (len(rows), len(rejects)) == (1, 2)
    session.commit()
    assert session.fetch("SELECT count(*) FROM kept") == [(0,)]


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.sampled_from(["7", "2020-01-01", " 1 ", ""]),
    st.lists(st.integers(0, 3), max_size=2),
    st.fixed_dictionaries(
        {}, optional={"x": st.integers(0, 9) | st.text(max_size=1), "y": st.lists(st.text(max_size=1))}
    ),
)
objects = st.dictionaries(st.sampled_from(["id", "name", "at", "more", "z"]), values, max_size=4)
documents = st.one_of(objects, objects, objects, values)


@given(st.lists(documents, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_of_reading_agree(session: Session, scan: Scan, documents: list[Any]) -> None:
    """A file is read alone by DuckDB where that is possible, and line by line beside a file with a fault."""
    content = "".join(json.dumps(document) + "\n" for document in documents).encode()
    alone, refused = land(session, scan("ndjson", content))
    both, refused_both = land(session, scan("ndjson", content, b"[]\n"))
    assert alone == both
    assert [*refused, ("[]", "not_an_object", "data/1.ndjson", 1)] == refused_both
    assert len(alone) + len(refused) == len(documents)
