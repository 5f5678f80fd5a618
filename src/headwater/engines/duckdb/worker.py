"""A thread and a connection of its own, for what goes on beside the session's own statements.

Apart from those that use it because stopping a query takes more than asking once.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import duckdb

from headwater.types import quote_text
from headwater.values import frozen

__all__ = ["Worker"]


@frozen
class Worker:
    """The thread, and the connection that nothing else uses."""

    thread: ThreadPoolExecutor
    connection: duckdb.DuckDBPyConnection

    @staticmethod
    def of(connection: duckdb.DuckDBPyConnection, name: str) -> Worker | None:
        """For the database of a connection; None where the engine may use one thread only."""
        settings = "SELECT current_setting('threads'), current_setting('search_path')"
        ((threads, path),) = connection.execute(settings).fetchall()
        if int(threads) < 2:
            return None
        own = connection.cursor()
        own.execute(f"SET search_path = {quote_text(path)}")
        return Worker(ThreadPoolExecutor(1, thread_name_prefix=name), own)

    def stop(self, begun: Future[Any]) -> None:
        """Have a computation end soon; returns when it has."""
        # Asked once, a query that is just about to begin would not hear of it.
        while not begun.cancel() and not begun.done():
            self.connection.interrupt()
            wait([begun], timeout=0.01)

    def close(self) -> None:
        """Wait until the thread has ended."""
        self.thread.shutdown(wait=True)
        self.connection.close()
