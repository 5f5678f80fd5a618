"""A small world of relations with data, a resolver over it and a binder that asks DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pytest

from headwater.errors import DeclarationError, did_you_mean
from headwater.sql import language as sql
from headwater.types import RelationName, Schema, quote_identifier

flights = RelationName("ops", "flights")
carriers = RelationName("ops", "carriers")
readings = RelationName("lab", "readings")


def connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
    return connection


@dataclass
class World:
    """Relations by name, with the rows they hold as SQL."""

    schemas: Mapping[RelationName, Schema]
    rows: Mapping[RelationName, str]
    model: RelationName = field(default_factory=lambda: RelationName("lab", "model"))
    catalog: duckdb.DuckDBPyConnection = field(default_factory=connected)

    def resolve(self, parts: tuple[str, ...]) -> RelationName:
        for relation in self.schemas:
            if parts in {(relation.name,), (relation.product, relation.name)}:
                return relation
        written = ".".join(parts)
        raise DeclarationError(f"there is no relation '{written}'", hint=did_you_mean(written, map(str, self.schemas)))

    def bind(self, text: str, relations: Mapping[str, Schema]) -> Schema:
        for name, schema in relations.items():
            columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
            self.catalog.execute(f"CREATE OR REPLACE TABLE {quote_identifier(name)} ({columns})")
        try:
            found = self.catalog.sql(text)
        except duckdb.Error as error:
            raise DeclarationError(str(error).splitlines()[0]) from error
        return Schema.of(dict(zip(found.columns, map(str, found.types), strict=True)))

    def analyse(self, text: str, path: str = "model.sql", first_line: int = 1) -> sql.Analysis:
        return sql.analyse(
            text,
            name=self.model,
            resolve=self.resolve,
            schemas=self.schemas,
            binder=self.bind,
            path=path,
            first_line=first_line,
        )

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A database that holds every relation twice: as the user names it and as engine SQL does."""
        connection = connected()
        for relation, schema in self.schemas.items():
            identifier = quote_identifier(str(relation))
            columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(relation.product)}")
            connection.execute(f"CREATE TABLE {identifier} ({columns})")
            connection.execute(f"INSERT INTO {identifier} {self.rows[relation]}")
            full = f"{quote_identifier(relation.product)}.{quote_identifier(relation.name)}"
            connection.execute(f"CREATE VIEW {full} AS FROM {identifier}")
            connection.execute(f"CREATE VIEW {quote_identifier(relation.name)} AS FROM {identifier}")
        return connection


@pytest.fixture(scope="session")
def world() -> World:
    return World(
        schemas={
            flights: Schema.of(
                {
                    "id": "bigint",
                    "carrier": "varchar",
                    "Origin": "varchar",
                    "dep_delay": "integer",
                    "cancelled": "boolean",
                    "departed_at": "timestamp",
                    "plane": "struct(seats integer, maker struct(name varchar))",
                    "legs": "integer[]",
                    "tags": "map(varchar, integer)",
                    "note": "varchar",
                }
            ),
            carriers: Schema.of({"carrier": "varchar", "name": "varchar", "since": "date"}),
            readings: Schema.of({"sensor": "varchar", "at": "timestamp", "value": "double", "quality": "integer"}),
        },
        rows={
            flights: """
                SELECT i, ['AA', 'UA', 'DL', NULL][i % 4 + 1], ['JFK', 'LGA', 'EWR'][i % 3 + 1],
                       CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 37) % 100 - 20 END, i % 11 = 0,
                       TIMESTAMP '2026-01-01' + INTERVAL (i * 13) MINUTE,
                       {'seats': 100 + i % 5, 'maker': {'name': ['Boeing', 'Airbus'][i % 2 + 1]}},
                       [i % 3, i % 5, i], MAP {'a': i % 4, 'b': i}, '{"k": ' || i || ', "n": {"m": "x' || i % 3 || '"}}'
                FROM range(120) AS r(i)""",
            carriers: """
                VALUES ('AA', 'American', DATE '1930-01-25'), ('UA', 'United', DATE '1926-04-06'),
                       ('WN', 'Southwest', DATE '1967-03-15')""",
            readings: """
                SELECT ['s1', 's2', 's3'][i % 3 + 1],
                       CASE WHEN i % 29 = 0 THEN NULL
                            ELSE TIMESTAMP '1969-12-31 22:00:00' + INTERVAL (i * i * 3 % 1440) MINUTE END,
                       round(sin(i), 3), i % 4
                FROM range(150) AS r(i)""",
        },
    )
