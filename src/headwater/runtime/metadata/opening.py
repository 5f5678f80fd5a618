"""Opening the metadata store: which database a URL means, and its tables brought up to date.

Apart from the queries because most runs find everything in order here, and then
neither SQLAlchemy nor Alembic is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from headwater.errors import TerminalError
from headwater.runtime.metadata import tables
from headwater.runtime.metadata.database import Connection, Database
from headwater.runtime.metadata.sqlite import PREFIX, SqliteDatabase

__all__ = ["NEWEST", "VERSION_TABLE", "open_database"]

NEWEST: Final = "0003"
"""The newest migration; a test compares it with the migrations that are there."""

VERSION_TABLE: Final = "headwater_schema"
"""Where Alembic notes the newest migration that ran."""


def open_database(url: str) -> Database:
    """Open the database of a URL, its tables created or upgraded when they are not the newest.

    Raises:
        UsageError: the URL cannot be read or names another system.
        MissingExtraError: the driver is not installed.
        TransientError: the store cannot be reached.
        TerminalError: a newer headwater wrote the store.
    """
    database = _connected(url)
    try:
        _bring_up_to_date(database, url)
    except BaseException:
        database.close()
        raise
    return database


def _connected(url: str) -> Database:
    if url.startswith(PREFIX) and url != PREFIX:
        return SqliteDatabase(Path(url.removeprefix(PREFIX)))
    from headwater.runtime.metadata.server import ServerDatabase, connect

    return ServerDatabase(connect(url))


def _bring_up_to_date(database: Database, url: str) -> None:
    with database.reading() as connection:
        found = _version(database, connection)
    if found is None:
        with database.writing() as connection:
            if _version(database, connection) is None:
                _create(database, connection)
        return
    if found > NEWEST:
        raise TerminalError(
            f"the metadata store has version {found}, this headwater knows versions up to {NEWEST}",
            hint="upgrade headwater",
        )
    if found < NEWEST:
        from headwater.runtime.metadata.upgrading import upgrade

        upgrade(url)


def _version(database: Database, connection: Connection) -> str | None:
    if not database.has_table(connection, VERSION_TABLE):
        return None
    versions = [str(row["version_num"]) for row in connection.rows(f"SELECT version_num FROM {VERSION_TABLE}")]
    return versions[0] if versions else None


def _create(database: Database, connection: Connection) -> None:
    """A new store gets the newest tables at once, as if every migration had run; a test compares the two."""
    for table in tables.ALL:
        for statement in table.creation(database.moment_type):
            connection.execute(statement)
    connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (:version)", {"version": NEWEST})
