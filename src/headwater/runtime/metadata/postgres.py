"""The metadata store in a database of PostgreSQL, by psycopg.

Apart from SQLite because a server is reached over a network: it may have
dropped a connection that a long run has not used for hours.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from headwater.errors import MissingExtraError, TerminalError, TransientError, UsageError
from headwater.runtime.metadata.database import Connection, Row

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.rows import dict_row
except ModuleNotFoundError as missing:
    raise MissingExtraError("a metadata store in PostgreSQL", "postgres") from missing

__all__ = ["PostgresDatabase"]


class PostgresDatabase:
    """One connection, opened again where the server has dropped it between two transactions.

    Raises:
        UsageError: the URL cannot be read.
        TransientError: the server cannot be reached.
    """

    moment_type = "TIMESTAMP WITH TIME ZONE"

    def __init__(self, url: str) -> None:
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise UsageError("the metadata store's URL cannot be read", hint="for example sqlite:///path") from error
        self._url = url
        self._connection = self._connected()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        connection = self._alive()
        with _failures(), connection.transaction():
            yield _Connection(connection)

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        return self.writing()

    def has_table(self, connection: Connection, name: str) -> bool:
        return bool(connection.rows("SELECT 1 AS found WHERE to_regclass(:name) IS NOT NULL", {"name": name}))

    def close(self) -> None:
        self._connection.close()

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        with _failures():
            # Transactions are begun here and nowhere else.
            return psycopg.connect(self._url, autocommit=True, row_factory=dict_row)

    def _alive(self) -> psycopg.Connection[dict[str, Any]]:
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = self._connected()
        return self._connection


class _Connection:
    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Row | None = None) -> Sequence[Row]:
        return self._connection.execute(_named(sql), parameters or {}).fetchall()

    def execute(self, sql: str, parameters: Row | None = None) -> None:
        self._connection.execute(_named(sql), parameters or {})

    def execute_many(self, sql: str, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_named(sql), rows)


@cache
def _named(sql: str) -> bytes:
    """A statement with its parameters as psycopg names them.

    >>> _named("SELECT a FROM t WHERE b = :b")
    b'SELECT a FROM t WHERE b = %(b)s'
    """
    return re.sub(r":(\w+)", r"%(\1)s", sql).encode()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise TransientError("the metadata store cannot be reached", detail=str(error).strip()) from error
    except psycopg.Error as error:
        raise TerminalError("the metadata store cannot be used", detail=str(error).strip()) from error
