"""A session: atomic epochs, work relations that end with them, results that stream."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.errors import DataError, DeclarationError, HeadwaterError, OutsideError, TerminalError, UsageError
from headwater.spi.codec import FileScan, RecordFormat, ScanFile
from headwater.spi.engine import Landed, Session
from headwater.types import Schema


def test_an_epoch_is_atomic(engine: DuckDBEngine, tmp_path: Path) -> None:
    state = str(tmp_path / "deep" / "state.duckdb")
    with engine.open(state, {}) as session:
        session.begin()
        session.execute("CREATE TABLE kept (x INTEGER)")
        session.create('"change.a.b"', "SELECT 1 AS x UNION ALL SELECT 2")
        session.define('"candidate.a.b"', 'SELECT x FROM "change.a.b"')
        session.execute('INSERT INTO kept SELECT x FROM "candidate.a.b"')
        session.commit()
        session.begin()
        session.execute("INSERT INTO kept VALUES (?)", [9])
        session.create('"change.a.b"', "SELECT 3 AS x")
        session.rollback()
        assert session.fetch("SELECT x FROM kept ORDER BY x") == [(1,), (2,)]
        assert session.fetch("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'change%'") == [(0,)]
    with engine.open(state, {}) as session:
        assert session.fetch("SELECT x FROM kept ORDER BY x") == [(1,), (2,)]


def test_an_epoch_left_open_leaves_no_trace(engine: DuckDBEngine, tmp_path: Path) -> None:
    state = str(tmp_path / "state.duckdb")
    with engine.open(state, {}) as session:
        session.begin()
        session.execute("CREATE TABLE kept (x INTEGER)")
    with engine.open(state, {}) as session:
        assert session.fetch("SELECT count(*) FROM duckdb_tables()") == [(0,)]


@pytest.mark.parametrize("product", ["headwater", "memory", "state_file", "temp", "a b"])
def test_a_state_may_have_any_name(engine: DuckDBEngine, tmp_path: Path, product: str) -> None:
    state = str(tmp_path / f"{product}.duckdb")
    with engine.open(state, {}) as session:
        session.begin()
        session.execute("CREATE SCHEMA headwater")
        session.execute("CREATE TABLE headwater.kept (x INTEGER)")
        session.execute("INSERT INTO headwater.kept VALUES (1)")
        session.commit()
    with engine.open(state, {}) as session:
        assert session.fetch("SELECT x FROM headwater.kept") == [(1,)]


def test_what_was_prepared_opens_as_anything_else(tmp_path: Path) -> None:
    engine, settings = DuckDBEngine(), {"threads": 2, "memory_limit": "500MB", "allowed_directories": [str(tmp_path)]}
    engine.prepare({})
    engine.prepare(settings)
    found = []
    for _ in ("prepared", "not prepared"):
        with engine.open(str(tmp_path / "state.duckdb"), settings) as session:
            found.append(session.fetch("SELECT name, value FROM duckdb_settings() ORDER BY name"))
            with pytest.raises(HeadwaterError):
                session.fetch("SELECT * FROM read_text('/etc/hostname')")
    assert found[0] == found[1]
    assert ("temp_directory", str(tmp_path / "state.duckdb.tmp")) in found[0]


def test_epochs_do_not_nest(session: Session) -> None:
    session.begin()
    with pytest.raises(UsageError):
        session.begin()


def test_a_held_state_names_its_holder(engine: DuckDBEngine, tmp_path: Path) -> None:
    state = tmp_path / "state.duckdb"
    program = f"import duckdb, time; c = duckdb.connect({str(state)!r}); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        try:
            with pytest.raises(UsageError) as caught, engine.open(str(state), {}):
                pass
        finally:
            holder.kill()
    assert caught.value.message == f"the state is in use by process {holder.pid}"


def test_a_damaged_state_is_said_to_be_damaged(engine: DuckDBEngine, tmp_path: Path) -> None:
    state = tmp_path / "state.duckdb"
    state.write_bytes(b"not a database" * 1000)
    with pytest.raises(TerminalError) as caught, engine.open(str(state), {}):
        pass
    assert caught.value.message == "the state file is damaged"


def test_results_are_python_values(session: Session) -> None:
    rows = session.fetch(
        "SELECT TIMESTAMPTZ '2020-01-02 03:04:05+00', DATE '2020-01-02', 1.50::DECIMAL(5,2), [1, NULL], NULL, ? + 1",
        [41],
    )
    assert rows == [(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), date(2020, 1, 2), Decimal("1.50"), [1, None], None, 42)]
    assert session.fetch("SELECT 1 WHERE false") == []


def test_parameters_may_be_zoned_times(session: Session) -> None:
    at = datetime(2020, 1, 2, 3, tzinfo=UTC)
    assert session.fetch("SELECT ? = TIMESTAMPTZ '2020-01-02 03:00:00+00'", [at]) == [(True,)]


def test_a_reader_streams(engine: DuckDBEngine) -> None:
    """Eight gigabytes could not be held within the limit; the first rows come at once."""
    with engine.query({"memory_limit": "200MB"}) as session:
        reader = session.reader("SELECT i, repeat('x', 1000) AS filler FROM range(8_000_000) AS r (i)")
        first = reader.read_next_batch()
        assert first.column("i")[0].as_py() == 0
        assert first.num_rows < 1_000_000
        reader.close()


def test_a_failure_while_streaming_has_a_type(session: Session) -> None:
    reader = session.reader(
        "SELECT CAST(CASE WHEN i = 900000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(1000000) AS r (i)"
    )
    with pytest.raises(DataError) as caught:
        reader.read_all()
    assert (caught.value.message, caught.value.detail) == (
        "a query failed on the data",
        "Could not convert string 'x' to INT32",
    )


def test_a_reader_keeps_the_order(session: Session) -> None:
    reader = session.reader("SELECT i FROM range(500000) AS r (i)")
    assert reader.read_all().column("i").to_pylist() == list(range(500000))


def test_views_do_not_copy_and_outlive_their_argument(session: Session, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2, 3]}), tmp_path / "x.parquet")
    session.view('"v.dataset"', ds.dataset(tmp_path / "x.parquet"))
    session.view('"v.table"', pa.table({"x": [4]}))
    session.view('"v.reader"', pa.table({"x": [5]}).to_reader())
    query = 'SELECT x FROM "v.dataset" UNION ALL SELECT x FROM "v.table" UNION ALL SELECT x FROM "v.reader" ORDER BY x'
    for _ in range(2):
        assert session.fetch(query) == [(1,), (2,), (3,), (4,), (5,)]


def test_parquet_views_follow_the_schema(session: Session, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": ["1", "2", "no"], "y": [1.0, 2.0, 3.0]}), tmp_path / "x.parquet")
    file = ScanFile(str(tmp_path / "x.parquet"), "x.parquet", 0)
    session.view('"v"', FileScan("parquet", (file,)), schema=Schema.of({"x": "int", "z": "date"}))
    assert session.fetch('SELECT * FROM "v" ORDER BY x') == [(1, None), (2, None)]


@pytest.mark.parametrize("format", ["csv", "ndjson", "parquet"])
def test_a_scan_may_have_no_file(session: Session, format: RecordFormat) -> None:
    schema = Schema.of({"x": "int", "day": "date"})
    assert session.land('"t"', FileScan(format, ()), schema=schema, rejects='"r"') == Landed(0, 0)
    assert session.fetch('SELECT x, day, _hw_source, _hw_offset FROM "t"') == []
    if format == "parquet":
        session.view('"v"', FileScan(format, ()), schema=schema)
        assert session.fetch('SELECT x, day FROM "v"') == []


def test_text_files_are_not_viewed(session: Session) -> None:
    with pytest.raises(UsageError):
        session.view('"v"', FileScan("csv", ()))


def test_work_relations_can_be_dropped(session: Session) -> None:
    session.create('"w"', "SELECT 1 AS x")
    session.drop('"w"')
    session.define('"w"', "SELECT 2 AS x")
    assert session.fetch('SELECT x FROM "w"') == [(2,)]
    with pytest.raises(UsageError):
        session.drop('"other"')


def test_names_may_hold_anything(session: Session) -> None:
    name = '"change.a.we""ird name;--"'
    session.land(name, pa.table({"x": [1]}), schema=Schema.of({"x": "int"}), rejects='"malformed ""too"""')
    assert session.fetch(f"SELECT x FROM {name}") == [(1,)]
    session.drop(name)


def test_failures_have_types(session: Session, engine: DuckDBEngine) -> None:
    with pytest.raises(DataError) as data:
        session.create('"w"', "SELECT CAST(x AS INTEGER) AS x FROM (VALUES ('1'), ('a')) AS t (x)")
    assert data.value.message == "computing w failed on the data"
    assert data.value.detail == "Could not convert string 'a' to INT32 when casting from source column x"
    with pytest.raises(DeclarationError):
        session.create('"w"', "SELECT nope")
    with (
        engine.query({"memory_limit": "20MB", "temp_directory": "/dev/null/none"}) as small,
        pytest.raises(OutsideError),
    ):
        small.create('"w"', "SELECT i, repeat('x', 100) AS filler FROM range(10_000_000) AS r (i)")
