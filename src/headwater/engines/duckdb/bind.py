"""Binding: the exact output columns of a query, by asking DuckDB over empty relations.

Apart from sessions because planning binds a thousand queries and reads no data.
"""

from __future__ import annotations

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

_most_lines: Final = 5
"""Of what DuckDB suggests: operators have fifty candidates."""


class Binding:
    """One in-memory database whose relations are empty; safe to call from several threads, one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._defined: dict[str, Schema] = {}

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        """The columns of ``sql``. Raises DeclarationError when DuckDB refuses it, or it is not one query."""
        with self._lock:
            try:
                connection = self._opened()
                self._define(connection, relations)
                statements = connection.extract_statements(sql)
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

    def _define(self, connection: duckdb.DuckDBPyConnection, relations: Mapping[str, Schema]) -> None:
        """Make the catalog hold these relations, touching only those that differ from the last time."""
        for name, schema in relations.items():
            quoted = name if name.startswith('"') else quote_identifier(name)
            if self._defined.get(quoted) != schema:
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted} ({_columns(schema)})")
                self._defined[quoted] = schema


def _columns(schema: Schema) -> str:
    return ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)


def _suggestion(error: duckdb.Error) -> str | None:
    lines = [line.strip() for line in summary(error).splitlines()[1:] if line.strip()]
    shown = lines[:_most_lines]
    more = len(lines) - len(shown)
    return " ".join(shown) + (f" and {more} more" if more else "") or None
