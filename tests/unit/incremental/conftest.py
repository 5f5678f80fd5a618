"""Programs run on the embedded engine's own SQL, epoch by epoch, beside the batch query they must equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pytest

from headwater.incremental.compiler import compile_program
from headwater.incremental.program import ChangeMode, Given, Program
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Role, relation
from headwater.sql.analyse import analyse
from headwater.sql.analysis import Analysis
from headwater.types import RelationName, Schema, quote_identifier

Rows = Sequence[Sequence[Any]]
Bag = Counter[tuple[Any, ...]]

result = RelationName("shop", "result")


class Workbench:
    """A database in memory, and the columns of the relations ``shop.*`` that queries may read."""

    def __init__(self, schemas: Mapping[str, Mapping[str, str]]) -> None:
        self.connection = duckdb.connect()
        self.schemas = {RelationName("shop", name): Schema.of(columns) for name, columns in schemas.items()}
        for name, schema in self.schemas.items():
            self.table(quote_identifier(str(name)), schema, (), provenance=False)

    def analyse(self, query: str) -> Analysis:
        return analyse(
            query,
            name=result,
            resolve=lambda parts: RelationName("shop", parts[-1]),
            schemas=self.schemas,
            binder=self.bind,
        )

    def compile(
        self, query: str, modes: Mapping[str, ChangeMode] | None = None, *, stored: bool = False
    ) -> tuple[Analysis, Program]:
        analysis = self.analyse(query)
        known = {RelationName("shop", name): mode for name, mode in (modes or {}).items()}
        given = {read: Given(known.get(read, ChangeMode.APPEND)) for read in analysis.reads}
        program = compile_program(result, analysis, given, schemas=self.schemas, binder=self.bind, stored=stored)
        return analysis, program

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        described = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        return Schema.of({row[0]: row[1] for row in described})

    def table(self, name: str, schema: Schema, rows: Rows, *, provenance: bool, source: str = "") -> None:
        columns = [f"{quote_identifier(column.name)} {column.type}" for column in schema]
        if provenance:
            columns += [f"{SOURCE_COLUMN} VARCHAR", f"{OFFSET_COLUMN} BIGINT"]
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} ({', '.join(columns)})")
        for offset, row in enumerate(rows, 1):
            values = [*row, source, offset] if provenance else list(row)
            marks = ", ".join("?" for _ in values)
            self.connection.execute(f"INSERT INTO {name} VALUES ({marks})", values)

    def put(self, role: Role, rows: Mapping[str, Rows], epoch: int = 0) -> None:
        """Fill a role relation for every known relation, those not named with no rows."""
        for name, schema in self.schemas.items():
            found = rows.get(name.name, ())
            traced = role in ("change", "traced")
            self.table(relation(role, name), schema, found, provenance=traced, source=f"{name.name}@{epoch}")

    def run(self, statements: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Create the statements' relations in order; the rows of the last one, provenance included."""
        for statement in statements:
            self.connection.execute(f"CREATE OR REPLACE TABLE {statement.creates} AS {statement.sql}")
        return self.connection.execute(f"SELECT * FROM {statements[-1].creates}").fetchall()

    def batch(self, analysis: Analysis, rows: Mapping[str, Rows]) -> Bag:
        for name, schema in self.schemas.items():
            self.table(quote_identifier(str(name)), schema, rows.get(name.name, ()), provenance=False)
        return bag(self.connection.execute(analysis.engine_sql).fetchall())

    def over_epochs(self, program: Program, epochs: Sequence[Mapping[str, Rows]]) -> Bag:
        """What an APPEND program publishes over epochs; every row must come from a row of its own epoch."""
        published: Bag = Counter()
        for number, rows in enumerate(epochs):
            self.put("change", rows, number)
            for *row, source, offset in self.run(program.statements):
                name, _, epoch = source.partition("@")
                assert epoch == str(number)
                assert 1 <= offset <= len(rows[name])
                published += bag([row])
        return published

    def from_history(self, statements: Sequence[Any], rows: Mapping[str, Rows]) -> Bag:
        """What statements over ``history`` relations yield; such rows have no single origin."""
        self.put("history", rows)
        found = self.run(statements)
        assert all(row[-2:] == (None, None) for row in found)
        return bag([row[:-2] for row in found])

    def rebuilt(self, program: Program, rows: Mapping[str, Rows]) -> Bag:
        """What the rebuild of an APPEND program yields, without origins, which are those of an epoch that brings all.

        The same result, asked for without origins, must be the same.
        """
        self.put("change", rows)
        in_one_epoch = bag(self.run(program.statements))
        self.put("traced", rows)
        found = self.run(program.rebuild)
        assert bag(found) == in_one_epoch
        self.put("history", rows)
        plain = self.connection.execute(program.over_history()).fetchall()
        assert bag([row[:-2] for row in plain]) == bag([row[:-2] for row in found])
        return bag([row[:-2] for row in found])


def bag(rows: Sequence[Sequence[Any]]) -> Bag:
    """Rows without order, with their number."""
    return Counter(tuple(_hashable(value) for value in row) for row in rows)


def _hashable(value: Any) -> Any:
    match value:
        case list():
            return tuple(_hashable(item) for item in value)
        case dict():
            return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
        case _:
            return value


@pytest.fixture(scope="module")
def shop() -> Iterator[Workbench]:
    """Two appended relations, ``orders`` and ``returns``, and ``prices``."""
    columns = {"a": "INTEGER", "b": "INTEGER", "s": "VARCHAR", "xs": "INTEGER[]", "at": "TIMESTAMP"}
    bench = Workbench({"orders": columns, "returns": columns, "prices": {"s": "VARCHAR", "price": "DECIMAL(9,2)"}})
    yield bench
    bench.connection.close()
