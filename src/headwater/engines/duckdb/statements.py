"""Statements of one connection: parsed once, however often they run.

Apart from the work relations, which say what is run. An epoch runs the same texts as the one before it, and parsing
them is a sixth of what an epoch of few rows costs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import duckdb

__all__ = ["Statements"]

remembered: Final = 256
"""Parsed statements that are kept, and texts that are known to have come once."""


class Statements:
    """Runs SQL on a connection. A text that comes again is parsed, and what was parsed is kept."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._parsed: OrderedDict[str, duckdb.Statement | None] = OrderedDict()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Run one statement; the connection then holds its result."""
        if sql in self._parsed:
            self._parsed.move_to_end(sql)
            statement = self._parsed[sql]
            if statement is None:
                (statement,) = self._connection.extract_statements(sql)
                self._parsed[sql] = statement
            return self._connection.execute(statement, list(parameters))
        self._parsed[sql] = None
        if len(self._parsed) > remembered:
            self._parsed.popitem(last=False)
        return self._connection.execute(sql, list(parameters))
