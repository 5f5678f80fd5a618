"""Opening the metadata store: which database a URL means, and its tables brought up to date.

Apart from the databases, because the steps are the same for all of them.
"""

from __future__ import annotations

from pathlib import Path

from headwater.errors import TerminalError, UsageError
from headwater.runtime.metadata.database import Connection, Database
from headwater.runtime.metadata.migrations import MIGRATIONS, MOMENT, NEWEST, VERSION_TABLE
from headwater.runtime.metadata.sqlite import SqliteDatabase

__all__ = ["connect", "migrate", "open_database"]


def open_database(url: str) -> Database:
    """Open the database of a URL, its tables created or upgraded when they are not the newest.

    Raises:
        UsageError: the URL cannot be read or names another system.
        MissingExtraError: the driver is not installed.
        TransientError: the store cannot be reached.
        TerminalError: a newer headwater wrote the store.
    """
    database = connect(url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def connect(url: str) -> Database:
    """Open the database of a URL as it is: ``sqlite:///`` with the path of a file, or ``postgresql://``.

    Raises:
        UsageError: the URL cannot be read or names another system.
        MissingExtraError: the driver is not installed.
        TransientError: the database cannot be reached.
    """
    scheme, mark, rest = url.partition("://")
    system = scheme.partition("+")[0]
    match system:
        case "sqlite" if rest.startswith("/") and rest != "/":
            return SqliteDatabase(Path(rest.removeprefix("/")))
        case "postgresql" if mark:
            # The driver is of an extra, and takes longer to load than SQLite's.
            from headwater.runtime.metadata.postgres import PostgresDatabase

            return PostgresDatabase(f"{system}://{rest}")
        case _ if mark and system != "sqlite":
            raise UsageError(
                f"the metadata store cannot live in '{system}'", hint="use a sqlite:/// or postgresql:// URL"
            )
        case _:
            raise UsageError("the metadata store's URL cannot be read", hint="for example sqlite:///path/to.db")


def migrate(database: Database, to: str = NEWEST) -> None:
    """Take the steps that the store lacks, up to one of them: all or none.

    Raises:
        TerminalError: a newer headwater wrote the store.
    """
    with database.reading() as connection:
        found = _version(database, connection)
    if found > to:
        raise TerminalError(
            f"the metadata store has version {found}, this headwater knows versions up to {to}",
            hint="upgrade headwater",
        )
    if found == to:
        return
    with database.writing() as connection:
        known = _version(database, connection)  # another process may have been faster
        if not known:
            connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        for step, statements in MIGRATIONS.items():
            if known < step <= to:
                for statement in statements:
                    connection.execute(statement.replace(MOMENT, database.moment_type))
        connection.execute(f"DELETE FROM {VERSION_TABLE}")
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (:version)", {"version": max(known, to)})


def _version(database: Database, connection: Connection) -> str:
    """The newest step that was taken, '' before the first."""
    if not database.has_table(connection, VERSION_TABLE):
        return ""
    return max(
        (str(row["version_num"]) for row in connection.rows(f"SELECT version_num FROM {VERSION_TABLE}")), default=""
    )
