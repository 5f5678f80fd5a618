"""Bringing a store that an older version wrote up to date, by Alembic's migrations.

Apart from opening because Alembic and SQLAlchemy take longer to load than a
whole run with nothing to do: nobody else waits for them.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from headwater.runtime.metadata.server import connect, failures
from headwater.runtime.metadata.sqlite import PREFIX

__all__ = ["migrate", "migrating_engine", "upgrade"]


def upgrade(url: str) -> None:
    """Run the migrations that a store lacks.

    Raises:
        TransientError: the store cannot be reached.
        TerminalError: it refuses.
    """
    engine = migrating_engine(url)
    try:
        with failures(), engine.begin() as connection:
            migrate(connection)
    finally:
        engine.dispose()


def migrating_engine(url: str) -> Engine:
    """An engine for the URL of a store, in a file or on a server. Raises as :func:`connect`."""
    if url.startswith(PREFIX):
        return create_engine(URL.create("sqlite", database=url.removeprefix(PREFIX)), poolclass=NullPool)
    return connect(url)


def migrate(connection: Connection, to: str = "head") -> None:
    """Run the migrations that the store lacks, up to one of them."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
