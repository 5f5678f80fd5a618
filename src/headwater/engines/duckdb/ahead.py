"""Queries over files, computed beside everything else before they are asked for.

Apart from the work relations because a thread comes in: while an epoch computes and commits, the next one's files
are decoded. DuckDB reads a file of some megabytes with one thread only, and most of what an epoch does besides
leaves the others idle. Results are tables of a database in memory, which all connections of the process see.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import duckdb

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
        self._worker: _Worker | None = None
        self._number = 0
        self._begun: dict[str, Future[Computed]] = {}
        self._expected: set[str] = set()
        """Queries that were begun in an earlier epoch: this one takes them, or nobody does."""
        self._taken: list[str] = []

    def begin(self, sql: str) -> None:
        """Begin to compute a query; nothing is done where the engine may use one thread only."""
        if self._worker is None:
            ((threads,),) = self._connection.execute("SELECT current_setting('threads')").fetchall()
            if int(threads) < 2:
                return
            self._worker = _Worker(ThreadPoolExecutor(1, thread_name_prefix="ahead"), self._connection.cursor())
        if sql not in self._begun:
            self._number += 1
            self._begun[sql] = self._worker.compute(f"{AHEAD}.ahead{self._number}", sql)

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
            self._worker.give_up(self._begun.pop(sql))
        self._expected = set(self._begun)
        for table in self._taken:
            self._worker.drop(table)
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
            self._worker.thread.shutdown(wait=True)
            self._worker.connection.close()


@frozen
class _Worker:
    """The thread, and the connection that nothing else uses."""

    thread: ThreadPoolExecutor
    connection: duckdb.DuckDBPyConnection

    def compute(self, table: str, sql: str) -> Future[Computed]:
        return self.thread.submit(self._create, table, sql)

    def drop(self, table: str) -> None:
        self.thread.submit(self.connection.execute, f"DROP TABLE {table}")

    def stop(self, begun: Future[Computed]) -> None:
        """Have a computation end soon; returns when it has."""
        # Asked once, a query that is just about to begin would not hear of it.
        while not begun.cancel() and not begun.done():
            self.connection.interrupt()
            wait([begun], timeout=0.01)

    def give_up(self, begun: Future[Computed]) -> None:
        if not begun.cancel():
            self.thread.submit(self._drop_unwanted, begun)

    def _create(self, table: str, sql: str) -> Computed:
        counted = self.connection.execute(f"CREATE TABLE {table} AS {sql}").fetchone()
        return Computed(table, int(counted[0]) if counted else 0)

    def _drop_unwanted(self, ended: Future[Computed]) -> None:
        if ended.exception() is None:
            self.connection.execute(f"DROP TABLE {ended.result().table}")
