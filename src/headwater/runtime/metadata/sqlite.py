"""The metadata store in a file of SQLite, by the module of Python's own.

Apart from PostgreSQL because this is what a run opens unless it is told
otherwise, several times a second in tests: it loads and connects in milliseconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from headwater.errors import TerminalError, TransientError
from headwater.runtime.metadata.database import Connection, Row

__all__ = ["SqliteDatabase"]


_longest_wait: Final = 30.0
"""Seconds that a writer waits for others."""


class SqliteDatabase:
    """One connection to one file; readers never wait for the writer, writers wait for each other."""

    moment_type = "DATETIME"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _failures():
            # Transactions are begun here and nowhere else.
            self._connection = sqlite3.connect(path, timeout=_longest_wait, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        return self._transaction("BEGIN")

    def writing(self) -> contextlib.AbstractContextManager[Connection]:
        # At once: what was read before another's write could not be followed by a write of one's own.
        return self._transaction("BEGIN IMMEDIATE")

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with _failures():
            self._connection.execute(begin)
            try:
                yield _Connection(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def has_table(self, connection: Connection, name: str) -> bool:
        return bool(
            connection.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", {"name": name})
        )

    def close(self) -> None:
        self._connection.close()


class _Connection:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Row | None = None) -> Sequence[Row]:
        found = self._connection.execute(sql, _stored(parameters or {}))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def execute(self, sql: str, parameters: Row | None = None) -> None:
        self._connection.execute(sql, _stored(parameters or {}))

    def execute_many(self, sql: str, rows: Sequence[Row]) -> None:
        self._connection.executemany(sql, map(_stored, rows))


def _stored(parameters: Row) -> dict[str, Any]:
    """Moments as text of one length, in UTC: it sorts as they do."""
    return {
        name: value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        if isinstance(value, datetime)
        else value
        for name, value in parameters.items()
    }


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise TransientError("the metadata store cannot be reached", detail=str(error)) from error
    except sqlite3.Error as error:
        raise TerminalError("the metadata store cannot be used", detail=str(error)) from error
