"""Work relations over epochs: what is left in the catalogue is never taken for what this epoch made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from headwater.engines.duckdb import session as sessions
from headwater.engines.duckdb.engine import DuckDBEngine
from headwater.engines.duckdb.statements import Statements
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DeclarationError, UsageError


@pytest.fixture
def work() -> Iterator[WorkRelations]:
    with duckdb.connect() as connection:
        yield WorkRelations(connection)


def views(work: WorkRelations) -> list[str]:
    found = work.fetch("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_name")
    return [name for (name,) in found]


def test_a_view_is_defined_again_by_its_text(work: WorkRelations) -> None:
    work.create("t", "SELECT 1 AS x")
    work.define("v", "SELECT x + 1 AS y FROM t")
    work.end()
    assert not work.has("v")
    assert views(work) == ["v"]
    work.create("t", "SELECT 5 AS x")
    work.define("v", "SELECT x + 1 AS y FROM t")
    assert work.fetch("SELECT y FROM v") == [(6,)]
    work.end()
    work.define("v", "SELECT 'other' AS y, 2 AS z")
    assert work.fetch("SELECT * FROM v") == [("other", 2)]


def test_a_view_that_was_left_shows_no_rows(work: WorkRelations) -> None:
    work.create("t", "SELECT 1 AS x")
    work.define("v", "SELECT x FROM t")
    work.end()
    with pytest.raises(DeclarationError):
        work.fetch("SELECT * FROM v")
    with pytest.raises(UsageError):
        work.drop("v")


def test_a_name_may_become_a_relation_of_another_kind(work: WorkRelations) -> None:
    work.define("a", "SELECT 1 AS x")
    work.define('"b"', "SELECT 1 AS x")
    work.end()
    work.create("a", "SELECT 2 AS x")
    work.register('"b"', pa.table({"x": [3]}))
    assert work.fetch("SELECT a.x, b.x FROM a, b") == [(2, 3)]
    work.end()
    assert views(work) == []
    work.define("a", "SELECT 4 AS x")
    assert work.fetch("SELECT x FROM a") == [(4,)]


def test_a_name_is_taken_once_an_epoch(work: WorkRelations) -> None:
    work.define("v", "SELECT 1 AS x")
    with pytest.raises(DeclarationError):
        work.define("v", "SELECT 2 AS x")
    assert work.fetch("SELECT x FROM v") == [(1,)]


def test_a_view_dropped_within_an_epoch_may_be_another_one(work: WorkRelations) -> None:
    work.define("v", "SELECT 1 AS x")
    work.drop("v")
    work.define("v", "SELECT 2 AS x")
    assert work.fetch("SELECT x FROM v") == [(2,)]


def test_a_rollback_leaves_nothing(work: WorkRelations) -> None:
    work.define("v", "SELECT 1 AS x")
    work.define("w", "SELECT 1 AS x")
    work.end()
    work.run("BEGIN")
    work.create("v", "SELECT 2 AS x")  # in place of the view, which the rollback brings back
    work.create("t", "SELECT 3 AS x")
    work.run("ROLLBACK")
    work.abandon()
    assert views(work) == []
    work.create("v", "SELECT 4 AS x")
    work.define("w", "SELECT 5 AS x")
    assert work.fetch("SELECT v.x, w.x FROM v, w") == [(4, 5)]


def test_statements_run_alike_however_often(work: WorkRelations) -> None:
    statements = Statements(work.connection)
    statements.run("CREATE TABLE kept (x INTEGER, y VARCHAR)")
    for number in range(4):
        statements.run("INSERT INTO kept VALUES (?, ?)", [number, "a"])
        assert statements.run("SELECT max(x), count(y) FROM kept").fetchall() == [(number, number + 1)]


def test_a_state_of_rows_that_come_and_go_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs of rows are alive at any time; a file that kept all that ever came would hold sixty."""
    monkeypatch.setattr(sessions, "LONGEST_LOG", 2_000_000)
    state = tmp_path / "state.duckdb"
    sizes = []
    with DuckDBEngine().open(str(state), {}) as session:
        session.execute("CREATE TABLE kept (epoch INTEGER, x UBIGINT, y UBIGINT)")
        for epoch in range(60):
            session.begin()
            session.create("t", f"SELECT {epoch} AS epoch, hash(i) AS x, hash(i + {epoch}) AS y FROM range(20000) t(i)")
            session.execute("INSERT INTO kept SELECT * FROM t")
            session.execute("DELETE FROM kept WHERE epoch < ?", [epoch - 1])
            session.commit()
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
        assert session.fetch("SELECT count(*) FROM kept") == [(40000,)]
    assert max(sizes[30:]) <= 1.3 * max(sizes[:30])
    assert max(sizes) < 12_000_000
