"""Queries over files, computed beside everything else before they are asked for.

Apart from the work relations because a thread comes in: while an epoch computes and commits, the next one's files
are decoded. DuckDB reads a file of some megabytes with one thread only, and most of what an epoch does besides
leaves the others idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Ahead", "Computed", "compute"]


@dataclass(frozen=True, slots=True)
class Computed:
    """A result: its columns by name and type of the engine, and its rows."""

    columns: Sequence[tuple[str, str]]
    rows: pyarrow.Table


def compute(connection: duckdb.DuckDBPyConnection, sql: str) -> Computed:
    """Compute a query on a connection."""
    result = connection.sql(sql)
    columns = [(name, str(kind)) for name, kind in zip(result.columns, result.types, strict=True)]
    return Computed(columns, result.to_arrow_table())


class Ahead:
    """Computes queries one after the other, on a thread and a connection of its own.

    A query must read nothing but files. Its result is kept, outside the engine's memory, until it is taken.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._worker: ThreadPoolExecutor | None = None
        self._own: duckdb.DuckDBPyConnection | None = None
        self._begun: dict[str, Future[Computed]] = {}

    def begin(self, sql: str) -> None:
        """Begin to compute a query; nothing is done where the engine may use one thread only."""
        if self._worker is None:
            ((threads,),) = self._connection.execute("SELECT current_setting('threads')").fetchall()
            if int(threads) < 2:
                return
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")
            self._own = self._connection.cursor()
        if self._own is not None and sql not in self._begun:
            self._begun[sql] = self._worker.submit(compute, self._own, sql)

    def take(self, sql: str) -> Computed | None:
        """A result, waited for; None for a query that was not begun, or for which there was no memory beside others.

        Raises:
            duckdb.Error: what computing it raised.
        """
        begun = self._begun.pop(sql, None)
        try:
            return None if begun is None else begun.result()
        except duckdb.OutOfMemoryException:
            return None

    def forget(self) -> None:
        """Give up what was begun and not taken."""
        if self._begun and self._own is not None:
            self._own.interrupt()
        for begun in self._begun.values():
            begun.cancel()
        self._begun.clear()

    def close(self) -> None:
        """Give everything up, and wait until the thread has ended."""
        self.forget()
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
        if self._own is not None:
            self._own.close()
