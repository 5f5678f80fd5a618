"""The metadata store in a database of PostgreSQL, by way of SQLAlchemy.

Apart from SQLite because SQLAlchemy takes longer to load than a run with nothing
to do lasts: only who has a server, or a store of an older version, waits for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import sqlalchemy
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from headwater.errors import MissingExtraError, TerminalError, TransientError, UsageError
from headwater.runtime.metadata.database import Connection, Row

__all__ = ["ServerDatabase", "connect", "failures"]


def connect(url: str) -> Engine:
    """An engine for a SQLAlchemy URL of PostgreSQL.

    Raises:
        UsageError: the URL cannot be read or names another system.
        MissingExtraError: the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError("the metadata store's URL cannot be read", hint="for example sqlite:///path/to.db") from error
    if parsed.get_backend_name() != "postgresql":
        raise UsageError(
            f"the metadata store cannot live in '{parsed.get_backend_name()}'",
            hint="use a sqlite:///path or postgresql:// URL",
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        return create_engine(parsed, poolclass=QueuePool, pool_size=1, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingExtraError("a metadata store in PostgreSQL", "postgres") from error


class ServerDatabase:
    """A pool of one connection, which is asked before each transaction whether it is alive."""

    moment_type = "TIMESTAMP WITH TIME ZONE"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        with failures(), self._engine.begin() as connection:
            yield _Connection(connection)

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        return self.writing()

    def has_table(self, connection: Connection, name: str) -> bool:
        return bool(connection.rows("SELECT 1 AS found WHERE to_regclass(:name) IS NOT NULL", {"name": name}))

    def close(self) -> None:
        self._engine.dispose()


class _Connection:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Row | None = None) -> Sequence[Row]:
        return [dict(row) for row in self._connection.execute(text(sql), parameters or {}).mappings()]

    def execute(self, sql: str, parameters: Row | None = None) -> None:
        self._connection.execute(text(sql), parameters or {})

    def execute_many(self, sql: str, rows: Sequence[Row]) -> None:
        if rows:
            self._connection.execute(text(sql), rows)


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """What the database refuses becomes an error of ours."""
    try:
        yield
    except OperationalError as error:
        raise TransientError("the metadata store cannot be reached", detail=str(error.orig)) from error
    except SQLAlchemyError as error:
        raise TerminalError("the metadata store cannot be used", detail=str(error)) from error
