"""Results that are written beside the session's statements are those that it would have written itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.engines.duckdb.engine import DuckDBEngine
from headwater.engines.duckdb.session import DuckDBSession
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError, UsageError
from headwater.spi.codec import ParquetTarget
from headwater.types import Schema

from .conftest import Scan

columns = Schema.of({"x": "BIGINT"})
endless = "SELECT sum(a.i * b.i) AS x FROM range(100000000) a (i), range(100000000) b (i)"


@pytest.fixture
def work() -> Iterator[WorkRelations]:
    with duckdb.connect(config={"threads": 2}) as connection:
        relations = WorkRelations(connection)
        yield relations
        relations.beside.close()


@pytest.fixture
def state(engine: DuckDBEngine, tmp_path: Path) -> Iterator[DuckDBSession]:
    with engine.open(str(tmp_path / "state.duckdb"), {"threads": 2}) as session:
        assert isinstance(session, DuckDBSession)
        yield session


def rows_and_thread(sql: str) -> Callable[[duckdb.DuckDBPyConnection], tuple[list[Any], bool]]:
    """What a connection finds, and whether it was asked on another thread than the test's."""
    mine = threading.get_ident()
    return lambda connection: (connection.execute(sql).fetchall(), threading.get_ident() != mine)


def read(work: WorkRelations, sql: str) -> Callable[[], tuple[list[Any], bool]]:
    return work.run_beside(sql, rows_and_thread(sql))


def test_views_tables_and_variables_are_read_on_another_thread(work: WorkRelations) -> None:
    work.create('"base"', "SELECT 2 AS x", shared=True)
    factor = work.variable('"factor"', "?", [5])
    work.define('"inner"', f'SELECT x * {factor} AS x FROM "base"')
    work.define('"outer"', 'SELECT x + 1 AS x FROM "inner"')
    assert read(work, 'SELECT x FROM "outer"')() == ([(11,)], True)


def test_each_sees_the_relations_of_its_time(work: WorkRelations) -> None:
    work.create('"base"', "SELECT 1 AS x", shared=True)
    work.define('"v"', 'SELECT x FROM "base"')
    first = read(work, 'FROM "v"')
    work.drop('"v"')
    work.define('"v"', 'SELECT x + 10 AS x FROM "base"')
    second = read(work, 'FROM "v"')
    work.drop('"base"')
    work.drop('"v"')
    work.create('"v"', "SELECT 100 AS x", shared=True)
    third = read(work, 'FROM "v"')
    work.drop('"v"')
    work.create('"base"', "SELECT 1000 AS x", shared=True)
    work.define('"v"', 'SELECT x FROM "base"')
    fourth = read(work, 'FROM "v"')
    assert [each() for each in (fourth, third, second, first)] == [
        ([(1000,)], True),
        ([(100,)], True),
        ([(11,)], True),
        ([(1,)], True),
    ]


def test_a_variable_is_the_one_of_its_time(work: WorkRelations) -> None:
    calls = (work.variable('"n"', "?", [n]) for n in range(3))
    results = [read(work, f"SELECT {call} AS n") for call in calls]
    assert [each() for each in results] == [([(n,)], True) for n in range(3)]


def test_a_name_redefined_over_others_is_read_behind_them(work: WorkRelations) -> None:
    work.create('"base"', "SELECT 1 AS x", shared=True)
    work.define('"a"', 'SELECT x FROM "base"')
    work.define('"b"', 'SELECT x + 1 AS x FROM "base"')
    work.drop('"a"')
    work.define('"a"', 'SELECT x + 1 AS x FROM "b"')
    assert read(work, 'FROM "a"')() == ([(3,)], True)


@pytest.mark.parametrize("kind", ["table", "arrow", "view of a table"])
def test_what_only_this_connection_sees_is_read_by_it(work: WorkRelations, kind: str) -> None:
    match kind:
        case "table":
            work.create('"v"', "SELECT 1 AS x")
        case "arrow":
            work.register('"v"', pa.table({"x": [1]}))
        case _:
            work.create('"t"', "SELECT 1 AS x")
            work.define('"v"', 'SELECT x FROM "t"')
    assert read(work, 'SELECT x FROM "v"')() == ([(1,)], False)


def test_a_name_that_is_taken_is_refused(work: WorkRelations) -> None:
    work.define('"v"', "SELECT 1 AS x")
    with pytest.raises(UsageError):
        work.create('"v"', "SELECT 2 AS x", shared=True)
    work.create('"t"', "SELECT 1 AS x", shared=True)
    with pytest.raises(UsageError):
        work.create('"t"', "SELECT 2 AS x", shared=True)


def test_one_thread_reads_everything_itself() -> None:
    with duckdb.connect(config={"threads": 1}) as connection:
        work = WorkRelations(connection)
        work.create('"t"', "SELECT 1 AS x", shared=True)
        assert read(work, 'FROM "t"')() == ([(1,)], False)


def test_files_are_those_that_the_session_writes(state: DuckDBSession, scan: Scan, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(1000)}), tmp_path / "in.parquet")
    files = scan("parquet", (tmp_path / "in.parquet").read_bytes())
    state.begin()
    state.view('"source"', files)
    state.create('"kept"', 'SELECT x FROM "source" WHERE x % 2 = 0')
    query = 'SELECT s.x FROM "source" AS s JOIN "kept" AS k ON s.x = k.x WHERE s.x < 100'
    written = state.write_parquet_beside(query, ParquetTarget(str(tmp_path / "beside"), columns))
    itself = state.write_parquet(query, ParquetTarget(str(tmp_path / "itself"), columns))
    assert written is not None
    assert itself is not None
    state.execute("CREATE TABLE of_the_state (x INTEGER)")
    state.drop('"kept"')
    state.create('"kept"', "SELECT 7 AS x")
    assert [file.rows for file in written()] == [file.rows for file in itself] == [50]
    assert pq.read_table(tmp_path / "beside").sort_by("x") == pq.read_table(tmp_path / "itself").sort_by("x")
    assert state.fetch('SELECT x FROM "kept"') == [(7,)]
    state.commit()
    state.begin()
    state.create('"kept"', "SELECT 8 AS x")
    assert state.fetch('SELECT x FROM "kept"') == [(8,)]
    state.commit()
    assert state.fetch("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory'") == [(0,)]


def test_what_the_transaction_changed_is_written_in_it(state: DuckDBSession, tmp_path: Path) -> None:
    state.begin()
    state.execute("CREATE TABLE counts (x BIGINT)")
    state.execute("INSERT INTO counts VALUES (3)")
    written = state.write_parquet_beside("SELECT x FROM counts", ParquetTarget(str(tmp_path / "a"), columns))
    assert written is not None
    assert [file.rows for file in written()] == [1]
    state.commit()


def test_what_writing_raises_is_raised_to_who_asks(state: DuckDBSession, tmp_path: Path) -> None:
    state.begin()
    written = state.write_parquet_beside("SELECT CAST(i AS TINYINT) AS x FROM range(300) AS r (i)", target(tmp_path))
    assert written is not None
    with pytest.raises(DataError):
        written()
    state.rollback()


def target(folder: Path) -> ParquetTarget:
    return ParquetTarget(str(folder / "target"), columns)


def test_a_rollback_ends_what_is_written(state: DuckDBSession, tmp_path: Path) -> None:
    state.begin()
    state.create('"kept"', "SELECT 1 AS x")
    first = state.write_parquet_beside(f"SELECT CAST(x AS BIGINT) AS x FROM ({endless})", target(tmp_path))
    second = state.write_parquet_beside(f"SELECT CAST(x + 1 AS BIGINT) AS x FROM ({endless})", target(tmp_path))
    assert first is not None
    assert second is not None
    state.rollback()
    state.begin()
    state.create('"kept"', "SELECT 2 AS x")
    written = state.write_parquet_beside('SELECT x FROM "kept"', ParquetTarget(str(tmp_path / "b"), columns))
    assert written is not None
    assert [file.rows for file in written()] == [1]
    state.rollback()
    assert state.fetch("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory'") == [(0,)]


def test_what_memory_lacked_for_is_computed_with_nothing_beside(work: WorkRelations) -> None:
    asked: list[bool] = []
    mine = threading.get_ident()

    def act(connection: duckdb.DuckDBPyConnection) -> str:
        asked.append(threading.get_ident() != mine)
        if len(asked) == 1:
            raise duckdb.OutOfMemoryException("no more")
        return "done"

    assert work.run_beside("SELECT 1", act)() == "done"
    assert asked == [True, True]
