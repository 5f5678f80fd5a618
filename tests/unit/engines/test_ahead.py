"""What is decoded ahead is what is decoded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from headwater.engines.duckdb.ahead import Ahead
from headwater.engines.duckdb.engine import DuckDBEngine
from headwater.engines.duckdb.session import DuckDBSession
from headwater.spi.engine import AheadDecoder, Landed, Session
from headwater.types import Schema

from .conftest import Scan

events = Schema.of({"id": "integer", "name": "varchar", "more": "struct(x int, y text)"})


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    with duckdb.connect(config={"threads": 2}) as connection:
        computing = Ahead(connection)
        yield computing
        computing.close()


def test_a_result_is_taken_once(ahead: Ahead) -> None:
    query = "SELECT i AS n, {'x': i} AS s FROM range(3) AS r (i)"
    ahead.begin(query)
    ahead.begin(query)
    computed = ahead.take(query)
    assert computed is not None
    assert computed.columns == [("n", "BIGINT"), ("s", "STRUCT(x BIGINT)")]
    assert computed.rows.to_pydict() == {"n": [0, 1, 2], "s": [{"x": 0}, {"x": 1}, {"x": 2}]}
    assert ahead.take(query) is None


def test_what_computing_raised_is_raised(ahead: Ahead) -> None:
    ahead.begin("SELECT error('refused')")
    with pytest.raises(duckdb.InvalidInputException, match="refused"):
        ahead.take("SELECT error('refused')")


def test_what_finds_no_memory_beside_others_is_not_there() -> None:
    with duckdb.connect(config={"threads": 2, "memory_limit": "40MB", "temp_directory": ""}) as connection:
        ahead = Ahead(connection)
        query = "SELECT list(i) AS all FROM range(20_000_000) AS r (i)"
        ahead.begin(query)
        assert ahead.take(query) is None
        ahead.close()


def test_what_is_given_up_is_not_waited_for(ahead: Ahead) -> None:
    endless = "SELECT count(*) AS n FROM range(1_000_000_000_000) AS r (i) WHERE hash(i) = 7"
    ahead.begin(endless)
    ahead.begin("SELECT 1 AS n")
    ahead.forget()
    assert ahead.take(endless) is None
    ahead.close()


def test_one_thread_does_nothing_ahead() -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        ahead = Ahead(connection)
        ahead.begin("SELECT 1 AS n")
        assert ahead.take("SELECT 1 AS n") is None


def test_rows_landed_ahead(session: Session, scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(session, AheadDecoder)
    files = scan("ndjson", *(b'{"id": %d, "name": "a", "more": {"x": 1}}\n' % number for number in range(3)))
    needed = [("id",), ("more", "x")]
    session.land_ahead(files, schema=events, needed=needed)
    monkeypatch.setattr("headwater.engines.duckdb.work.compute", _never)  # what is in a transaction
    landed = session.land('"change.t"', files, schema=events, rejects='"malformed.t"', needed=needed)
    assert landed == Landed(3, 0)
    query = 'SELECT id, name, more.x, _hw_source, _hw_offset FROM "change.t" ORDER BY id'
    assert session.fetch(query) == [(number, None, 1, f"data/{number}.ndjson", 1) for number in range(3)]


def test_refused_records_are_the_same(session: Session, scan: Scan) -> None:
    assert isinstance(session, AheadDecoder)
    files = scan("ndjson", b'{"id": 1}\n{"id": "x"}\n{"id": 3}\n')
    session.land_ahead(files, schema=events)
    assert session.land('"change.t"', files, schema=events, rejects='"malformed.t"') == Landed(2, 1)


def test_a_rollback_gives_up_what_was_begun(engine: DuckDBEngine, scan: Scan) -> None:
    with engine.query({"threads": 2}) as session:
        assert isinstance(session, DuckDBSession)
        session.begin()
        session.land_ahead(scan("ndjson", b'{"id": 1}\n'), schema=events)
        session.rollback()
        session.begin()
        landed = session.land('"change.t"', scan("ndjson", b'{"id": 1}\n{"id": 2}\n'), schema=events)
        assert landed == Landed(2, 0)
        session.rollback()


def _never(*_: object) -> None:
    raise AssertionError("computed twice")
