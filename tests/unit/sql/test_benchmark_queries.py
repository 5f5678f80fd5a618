"""The public benchmarks' queries: all of TPC-H, and Nexmark q0 to q8, q11 and q18."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from headwater.errors import DeclarationError
from headwater.sql import language as sql
from headwater.types import RelationName, Schema, quote_identifier

queries = Path(__file__).parents[3] / "benchmarks" / "queries"
golden_queries = Path(__file__).parents[2] / "golden" / "sql" / "queries"

Binder = Callable[[str, object], Schema]


def binder(connection: duckdb.DuckDBPyConnection) -> Binder:
    def bind(text: str, relations: object) -> Schema:
        try:
            found = connection.sql(text)
        except duckdb.Error as error:
            raise DeclarationError(str(error)) from error
        return Schema.of(dict(zip(found.columns, map(str, found.types), strict=True)))

    return bind


def analyse(text: str, product: str, schemas: dict[RelationName, Schema], bind: Binder) -> sql.Analysis:
    return sql.analyse(
        text,
        name=RelationName(product, "model"),
        resolve=lambda parts: RelationName(product, parts[-1]),
        schemas=schemas,
        binder=bind,
        path="model.sql",
    )


def lineage(analysis: sql.Analysis) -> str:
    lines = []
    for column, line in zip(analysis.schema, analysis.lineage, strict=True):
        direct = ", ".join(f"{each.relation.name}.{each.column}" for each in line.direct) or "nothing"
        by = ", ".join(f"{each.relation.name}.{each.column}" for each in line.indirect) or "nothing"
        lines.append(f"  {column.name} {column.type}: {line.transformation} of {direct} by {by}")
    return "\n".join(lines)


@pytest.fixture(scope="session")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """TPC-H at scale 0.01, every table under its own name and as engine SQL names it."""
    folder = tmp_path_factory.mktemp("tpch")
    generator = Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run([generator, "parquet", "-s", "0.01", "-q", "--output-dir", folder], check=True)
    connection = duckdb.connect(config={"threads": 1})
    for file in sorted(folder.glob("*.parquet")):
        connection.execute(f"CREATE TABLE {quote_identifier(file.stem)} AS FROM read_parquet('{file}')")
        connection.execute(f"CREATE VIEW {quote_identifier('tpch.' + file.stem)} AS FROM {file.stem}")
    return connection


@pytest.fixture(scope="session")
def tpch_schemas(tpch: duckdb.DuckDBPyConnection) -> dict[RelationName, Schema]:
    tables = tpch.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    found = {}
    for (name,) in tables:
        relation = tpch.table(name)
        found[RelationName("tpch", name)] = Schema.of(
            dict(zip(relation.columns, map(str, relation.types), strict=True))
        )
    return found


@pytest.mark.parametrize("number", range(1, 23))
def test_tpch_gives_what_duckdb_gives(number: int, tpch, tpch_schemas) -> None:
    text = (queries / f"q{number:02}.sql").read_text(encoding="utf-8")
    analysis = analyse(text, "tpch", tpch_schemas, binder(tpch))
    written, engine = tpch.sql(text), tpch.sql(analysis.engine_sql)
    assert engine.columns == written.columns
    assert Counter(engine.fetchall()) == Counter(written.fetchall())


def test_tpch_lineage(tpch, tpch_schemas, golden) -> None:
    found = []
    for file in sorted(queries.glob("q*.sql")):
        analysis = analyse(file.read_text(encoding="utf-8"), "tpch", tpch_schemas, binder(tpch))
        found.append(f"{file.stem}\n{lineage(analysis)}\n")
    assert len(found) == 22
    golden("sql/tpch.txt", "\n".join(found))


nexmark = {
    RelationName("nexmark", name): Schema.of(columns)
    for name, columns in {
        "bid": {
            "auction": "bigint",
            "bidder": "bigint",
            "price": "bigint",
            "channel": "varchar",
            "url": "varchar",
            "date_time": "timestamp",
            "extra": "varchar",
        },
        "auction": {
            "id": "bigint",
            "item_name": "varchar",
            "initial_bid": "bigint",
            "date_time": "timestamp",
            "expires": "timestamp",
            "seller": "bigint",
            "category": "bigint",
        },
        "person": {
            "id": "bigint",
            "name": "varchar",
            "city": "varchar",
            "state": "varchar",
            "date_time": "timestamp",
        },
    }.items()
}


def test_nexmark(golden) -> None:
    with duckdb.connect() as connection:
        for relation, schema in nexmark.items():
            columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
            connection.execute(f"CREATE TABLE {quote_identifier(str(relation))} ({columns})")
        found = []
        for text in (golden_queries / "nexmark.sql").read_text(encoding="utf-8").split(";\n"):
            if text.strip():
                analysis = analyse(text, "nexmark", nexmark, binder(connection))
                found.append(f"{text.strip()}\n  {analysis.engine_sql}\n{lineage(analysis)}\n")
    golden("sql/nexmark.txt", "\n".join(found))
