"""Binding tells the exact columns of a query without data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.errors import DeclarationError
from headwater.types import Schema

flights = Schema.of(
    {
        "id": "bigint",
        "origin": "varchar",
        "delay": "decimal(10,2)",
        "seen": "timestamptz",
        "tags": "struct(a int, b text[])[]",
    }
)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ('SELECT count(*) AS n, avg(delay) AS mean FROM "ops.flights"', {"n": "BIGINT", "mean": "DOUBLE"}),
        (
            'SELECT sum(delay) AS s, max(seen) AS latest FROM "ops.flights"',
            {"s": "DECIMAL(38,2)", "latest": "TIMESTAMPTZ"},
        ),
        ('SELECT tags[1].b[1] AS b, tags FROM "ops.flights"', {"b": "VARCHAR", "tags": "STRUCT(a INT, b TEXT[])[]"}),
        ("SELECT NULL AS nothing", {"nothing": "INTEGER"}),
        (
            "SELECT MAP {'a': 1} AS m, [1] AS l, TIME '10:00' AS t",
            {"m": "MAP(VARCHAR, INTEGER)", "l": "INT[]", "t": "TIME"},
        ),
    ],
)
def test_columns_are_exact(engine: DuckDBEngine, query: str, columns: dict[str, str]) -> None:
    assert engine.bind(query, {'"ops.flights"': flights}) == Schema.of(columns)


def test_names_may_come_without_quotes(engine: DuckDBEngine) -> None:
    assert engine.bind('SELECT id FROM "ops.flights"', {"ops.flights": flights}).names == ("id",)


def test_a_relation_is_known_by_its_newest_schema(engine: DuckDBEngine) -> None:
    for kind in ("INTEGER", "VARCHAR", "INTEGER"):
        found = engine.bind('SELECT x FROM "a.changing"', {'"a.changing"': Schema.of({"x": kind})})
        assert found == Schema.of({"x": kind})


@pytest.mark.parametrize(
    "query",
    [
        'SELECT id, delay FROM "ops.flights"',
        '(SELECT id, delay FROM "ops.flights" LIMIT 1) UNION ALL SELECT id, delay FROM "ops.flights"',
        'WITH late AS (SELECT id, delay FROM "ops.flights") SELECT * FROM late',
        '/* late */ WITH late AS (SELECT id, delay FROM "ops.flights") SELECT * FROM late',
        'WITH RECURSIVE r AS (SELECT id, delay FROM "ops.flights" UNION ALL SELECT id, delay FROM r) FROM r',
        'FROM "ops.flights" SELECT id, delay',
    ],
)
def test_a_query_is_understood_the_same_however_often_its_relations_were_read(engine: DuckDBEngine, query: str) -> None:
    for _ in range(3):
        assert engine.bind(query, {"ops.flights": flights}) == Schema.of({"id": "bigint", "delay": "decimal(10,2)"})


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('SELECT nope FROM "ops.flights"', 'Referenced column "nope" not found in FROM clause!'),
        ("SELECT * FROM missing", "Table with name missing does not exist!"),
        ("SELECT 1 +", 'syntax error at or near "+"'),
        ("SELECT 1; SELECT 2", "a model is one query"),
        ("CREATE TABLE t (x int)", "a model is one query"),
        ("SELECT 'a'::ENUM ('a', 'b') AS e", "column 'e' has the type ENUM('a', 'b'), which cannot be published"),
    ],
)
def test_refused_queries_are_declaration_errors(engine: DuckDBEngine, query: str, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        engine.bind(query, {'"ops.flights"': flights})
    assert caught.value.message == message


def test_files_cannot_be_named(engine: DuckDBEngine) -> None:
    with pytest.raises(DeclarationError):
        engine.bind("SELECT * FROM read_csv('/etc/passwd')", {})


def test_threads_may_share_an_engine(engine: DuckDBEngine) -> None:
    def bind(number: int) -> tuple[str, ...]:
        kind = "INTEGER" if number % 2 else "VARCHAR"
        return tuple(
            engine.bind('SELECT x FROM "a.shared"', {'"a.shared"': Schema.of({"x": kind})}).to_mapping().values()
        )

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(bind, range(40))) == [("VARCHAR",), ("INTEGER",)] * 20
