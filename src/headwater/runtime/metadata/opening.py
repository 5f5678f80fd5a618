"""Connecting to the metadata store and bringing its tables up to date.

Apart from the queries because migrations need Alembic, whose import takes
longer than a whole run with nothing to do: it is only asked when an older
version wrote the store.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from headwater.errors import MissingExtraError, TerminalError, TransientError, UsageError
from headwater.runtime.metadata.tables import metadata

__all__ = ["NEWEST", "VERSION_TABLE", "connect", "migrate", "upgrade"]

NEWEST: Final = "0003"
"""The newest migration; a test compares it with the migrations that are there."""

VERSION_TABLE: Final = "headwater_schema"


def connect(url: str) -> Engine:
    """An engine for a SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        UsageError: the URL cannot be read or names another system.
        MissingExtraError: the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError("the metadata store's URL cannot be read", hint="for example sqlite:///path/to.db") from error
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed, poolclass=NullPool)
            event.listen(engine, "connect", _prepare_sqlite)
            return engine
        case "postgresql":
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            try:
                return create_engine(parsed, poolclass=QueuePool, pool_size=1, pool_pre_ping=True)
            except (ModuleNotFoundError, NoSuchModuleError) as error:
                raise MissingExtraError("a metadata store in PostgreSQL", "postgres") from error
        case other:
            raise UsageError(
                f"the metadata store cannot live in '{other}'", hint="use a sqlite:/// or postgresql:// URL"
            )


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables when they are not the newest.

    Raises:
        TransientError: the store cannot be reached.
        TerminalError: a newer headwater wrote the store.
    """
    try:
        with engine.begin() as connection:
            found = _version(connection)
            if found == NEWEST:
                return
            if found is None:
                _create(connection)
                return
            if found > NEWEST:
                raise TerminalError(
                    f"the metadata store has version {found}, this headwater knows versions up to {NEWEST}",
                    hint="upgrade headwater",
                )
            upgrade(connection)
    except OperationalError as error:
        raise TransientError("the metadata store cannot be reached", detail=str(error.orig)) from error
    except SQLAlchemyError as error:
        raise TerminalError("the metadata store cannot be used", detail=str(error)) from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _create(connection: Connection) -> None:
    """A new store gets the newest tables at once, as if every migration had run; a test compares the two."""
    metadata.create_all(connection)
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:version)"), {"version": NEWEST})


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that the store lacks, up to one of them."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Readers never wait for the writer, writers wait for each other."""
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
