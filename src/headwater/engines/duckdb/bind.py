"""Binding: the exact output columns of a query, by asking DuckDB over empty relations.

Apart from sessions because planning binds a thousand queries and reads no data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from threading import Lock
from typing import Final

import duckdb

from headwater.engines.duckdb.failures import summary
from headwater.engines.duckdb.schemas import to_schema
from headwater.engines.duckdb.settings import EngineSettings, connect
from headwater.errors import DeclarationError
from headwater.types import Schema, quote_identifier

__all__ = ["Binding"]

_plain: Final = re.compile(r"\s*(SELECT\b|\()", re.IGNORECASE)
"""How a query begins that has no names of its own in front of it."""
_most_lines: Final = 5
"""Of what DuckDB suggests: operators have fifty candidates."""


class Binding:
    """One in-memory database whose relations are empty; safe to call from several threads, one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._defined: dict[str, Schema] = {}
        self._named: dict[str, Schema] = {}

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        """The columns of ``sql``. Raises DeclarationError when DuckDB refuses it, or it is not one query."""
        with self._lock:
            try:
                connection = self._opened()
                statements = connection.extract_statements(self._over(connection, relations, sql))
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    raise DeclarationError("a model is one query", detail="the text holds another statement")
                relation = connection.sql(statements[0])
                return to_schema(relation.columns, [str(kind) for kind in relation.types])
            except duckdb.Error as error:
                raise DeclarationError(summary(error).splitlines()[0], detail=_suggestion(error)) from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = connect(None, EngineSettings(memory_limit="256MB", threads=1, allowed_directories=()))
        return self._connection

    def _over(self, connection: duckdb.DuckDBPyConnection, relations: Mapping[str, Schema], sql: str) -> str:
        """The query with the relations it reads: named in front of it, or in the catalog from the second time on.

        Most relations are read once, and a name costs less than half of a table. A query with names of its own
        keeps them to itself.
        """
        quoted = {
            name if name.startswith('"') else quote_identifier(name): schema for name, schema in relations.items()
        }
        new = {name: schema for name, schema in quoted.items() if self._defined.get(name) != schema}
        if not _plain.match(sql) or any(self._named.get(name) == schema for name, schema in new.items()):
            for name, schema in new.items():
                columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
            self._defined.update(new)
            return sql
        self._named.update(new)
        named = ", ".join(f"{name} AS ({_nothing(schema)})" for name, schema in new.items())
        return f"WITH {named} {sql}" if named else sql


def _nothing(schema: Schema) -> str:
    columns = ", ".join(f"CAST(NULL AS {column.type}) AS {quote_identifier(column.name)}" for column in schema)
    return f"SELECT {columns}"


def _suggestion(error: duckdb.Error) -> str | None:
    lines = [line.strip() for line in summary(error).splitlines()[1:] if line.strip()]
    shown = lines[:_most_lines]
    more = len(lines) - len(shown)
    return " ".join(shown) + (f" and {more} more" if more else "") or None
