"""The durable tables in which programs of a product keep their state.

Apart from the programs because the engine is asked once a run which of them there are: an epoch
that finds them as the last one left them makes no statement for it.
"""

from __future__ import annotations

from headwater.spi.engine import Session
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["KeptTables"]


class KeptTables:
    """What tables a state has, as far as epochs of this run have asked; used by one thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: set[str] | None = None

    def keep(self, state: str, like: str) -> None:
        """Have a table with the columns of a work relation; one that is there stays as it is."""
        names = self._known()
        if state not in names:
            self._session.keep(state, like)
            names.add(state)

    def declare(self, state: str, columns: Schema) -> None:
        """As :meth:`keep`, with columns that the caller knows."""
        names = self._known()
        if state not in names:
            shape = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in columns)
            self._session.execute(f"CREATE TABLE IF NOT EXISTS {state} ({shape})")
            names.add(state)

    def has(self, state: str) -> bool:
        return state in self._known()

    def drop(self, state: str) -> None:
        """Drop a table; nothing happens when it is not there."""
        if self.has(state):
            self._session.execute(f"DROP TABLE IF EXISTS {state}")
            self._known().discard(state)

    def forget(self, model: RelationName) -> None:
        """Drop what a model keeps, also what an earlier form of its query kept."""
        prefix = quote_identifier(f"state.{model}/")[:-1]
        for name in sorted(name for name in self._known() if name.startswith(prefix)):
            self.drop(name)

    def abandon(self) -> None:
        """An epoch was rolled back: what it made is gone, what it dropped is there."""
        self._names = None

    def _known(self) -> set[str]:
        if self._names is None:
            found = self._session.fetch(
                "SELECT table_name FROM information_schema.tables WHERE starts_with(table_name, 'state.')"
            )
            self._names = {quote_identifier(name) for (name,) in found}
        return self._names
