"""Queries over files, computed beside everything else before they are asked for.

Apart from the work relations because a thread comes in: while an epoch computes and commits, the next one's files
are decoded. DuckDB reads a file of some megabytes with one thread only, and most of what an epoch does besides
leaves the others idle. Results are tables of a database in memory, which all connections of the process see.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final

import duckdb

from headwater.engines.duckdb.worker import Worker
from headwater.values import frozen

__all__ = ["AHEAD", "Ahead", "Computed"]

AHEAD: Final = "memory.main"
"""Where what was computed is; see :func:`headwater.engines.duckdb.settings.connect`."""


@frozen
class Computed:
    """The table that holds a result, and how many rows it has."""

    table: str
    rows: int


class Ahead:
    """Computes queries one after the other, on a thread and a connection of its own.

    A query must read nothing but files.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._worker: Worker | None = None
        self._number = 0
        self._begun: dict[str, Future[Computed]] = {}
        self._expected: set[str] = set()
        """Queries that were begun in an earlier epoch: this one takes them, or nobody does."""
        self._taken: list[str] = []

    def begin(self, sql: str) -> None:
        """Begin to compute a query; nothing is done where the engine may use one thread only."""
        if self._worker is None:
            self._worker = Worker.of(self._connection, "ahead")
            if self._worker is None:
                return
        if sql not in self._begun:
            self._number += 1
            table = f"{AHEAD}.ahead{self._number}"
            self._begun[sql] = self._worker.thread.submit(_create, self._worker.connection, table, sql)

    def take(self, sql: str) -> Computed | None:
        """A query's result, waited for; its table stays until the epoch ends.

        None for a query that was not begun, or for which there was no memory beside others.

        Raises:
            duckdb.Error: what computing it raised.
        """
        begun = self._begun.pop(sql, None)
        if begun is None:
            return None
        try:
            computed = begun.result()
        except duckdb.OutOfMemoryException:
            return None
        self._taken.append(computed.table)
        return computed

    def end(self) -> None:
        """An epoch has ended: drop the tables that it took, and what was begun for it and not taken."""
        if self._worker is None:
            return
        for sql in self._expected & self._begun.keys():
            self._give_up(self._worker, self._begun.pop(sql))
        self._expected = set(self._begun)
        for table in self._taken:
            self._worker.thread.submit(self._worker.connection.execute, f"DROP TABLE {table}")
        self._taken.clear()

    def forget(self) -> None:
        """Drop all that was begun or taken."""
        if self._worker is not None:
            for begun in self._begun.values():
                self._worker.stop(begun)
        self._expected = set(self._begun)
        self.end()

    def close(self) -> None:
        """Give everything up, and wait until the thread has ended."""
        self.forget()
        if self._worker is not None:
            self._worker.close()

    @staticmethod
    def _give_up(worker: Worker, begun: Future[Computed]) -> None:
        if not begun.cancel():
            worker.thread.submit(_drop_unwanted, worker.connection, begun)


def _create(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> Computed:
    counted = connection.execute(f"CREATE TABLE {table} AS {sql}").fetchone()
    return Computed(table, int(counted[0]) if counted else 0)


def _drop_unwanted(connection: duckdb.DuckDBPyConnection, ended: Future[Computed]) -> None:
    if ended.exception() is None:
        connection.execute(f"DROP TABLE {ended.result().table}")
