"""What the metadata store needs of a database, whichever it is.

Apart from SQLite and PostgreSQL themselves so that the queries are written
once, as plain SQL with named parameters: a run with nothing to do must not
load a library that writes SQL for many databases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

__all__ = ["Connection", "Database", "Row", "to_moment", "to_moment_or_none"]

Row: TypeAlias = Mapping[str, Any]
"""Column name to value."""


class Connection(Protocol):
    """An open transaction. Parameters stand as ``:name``; moments are given aware, see :func:`to_moment`."""

    def rows(self, sql: str, parameters: Row | None = None) -> Sequence[Row]:
        """All rows of a query."""

    def execute(self, sql: str, parameters: Row | None = None) -> None:
        """Run a statement."""

    def execute_many(self, sql: str, rows: Sequence[Row]) -> None:
        """Run a statement once for each row of parameters."""


class Database(Protocol):
    """A database that is open; its errors are TransientError or TerminalError."""

    moment_type: str
    """In which columns keep moments."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database, and changes nothing."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that is committed at its end, or not at all."""

    def has_table(self, connection: Connection, name: str) -> bool:
        """Whether there is such a table."""

    def close(self) -> None:
        """Let go of it."""


def to_moment(value: datetime | str) -> datetime:
    """A moment as a database returns it, aware and in UTC: SQLite keeps it as text, without time zone.

    >>> to_moment("2026-01-02 03:04:05.678901")
    datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
    """
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_moment_or_none(value: datetime | str | None) -> datetime | None:
    """The same of a column that may be NULL."""
    return None if value is None else to_moment(value)
