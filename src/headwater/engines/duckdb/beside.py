"""Queries computed beside the session's statements, over relations that both connections see.

Apart from the work relations because a thread comes in: DuckDB plans a query with one thread, and computes a small
one with one, so that two queries at a time take two thirds of the time that they take one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Generic, TypeVar

import duckdb

from headwater.engines.duckdb.worker import Worker
from headwater.values import frozen

__all__ = ["Beside", "Reading", "Result"]

T = TypeVar("T")

Act = Callable[[duckdb.DuckDBPyConnection], T]


@frozen
class Reading:
    """What a query reads.

    The connection that runs it has ``views`` of its own, given by their texts, each behind those that it reads, and
    ``variables``, given by the SQL of their values and its parameters. ``tables`` are in the database in memory.
    """

    views: dict[str, str]
    tables: set[str]
    variables: dict[str, tuple[str, Sequence[Any]]]


class Result(Generic[T]):
    """What was begun beside the session; to be asked for by the session's thread, which waits for it."""

    def __init__(self, begun: Future[T], again: Callable[[], Future[T]]) -> None:
        self._begun = begun
        self._again = again

    def __call__(self) -> T:
        """Raises what computing it raised, but for a lack of memory: it is computed again, now with nothing beside."""
        try:
            return self._begun.result()
        except duckdb.OutOfMemoryException:
            self._begun = self._again()
            return self._begun.result()


class Beside:
    """Runs queries one after the other; used by one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._worker: Worker | None = None
        self._alone = False
        """Whether the engine may use one thread only."""
        self._begun: deque[Future[Any]] = deque()
        self._views: dict[str, str] = {}
        self._variables: dict[str, Sequence[Any]] = {}

    def begin(self, reading: Reading, act: Act[T]) -> Result[T] | None:
        """Begin what a connection is to do that sees what is read; None where the engine may use one thread only."""
        if self._worker is None and not self._alone:
            self._worker = Worker.of(self._connection, "beside")
            self._alone = self._worker is None
        if self._worker is None:
            return None
        again = partial(self._submit, self._worker, reading, act)
        return Result(again(), again)

    def _submit(self, worker: Worker, reading: Reading, act: Act[T]) -> Future[T]:
        while self._begun and self._begun[0].done():
            self._begun.popleft()
        begun = worker.thread.submit(self._run, worker.connection, reading, act)
        self._begun.append(begun)
        return begun

    def _run(self, connection: duckdb.DuckDBPyConnection, reading: Reading, act: Act[T]) -> T:
        for name in reading.tables & self._views.keys():
            connection.execute(f"DROP VIEW {name}")
            del self._views[name]
        for name, (value, parameters) in reading.variables.items():
            if self._variables.get(name) != parameters:
                connection.execute(f"SET VARIABLE {name} = {value}", list(parameters))
                self._variables[name] = parameters
        for name, sql in reading.views.items():
            if self._views.get(name) != sql:
                connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
                self._views[name] = sql
        return act(connection)

    def wait(self) -> None:
        """Wait for all that was begun: what it reads may be changed then."""
        wait(self._begun)

    def forget(self) -> None:
        """Have all that was begun end soon, and wait until it has."""
        if self._worker is not None:
            for begun in reversed(self._begun):
                self._worker.stop(begun)

    def close(self) -> None:
        """Forget everything, and end the thread."""
        self.forget()
        if self._worker is not None:
            self._worker.close()
