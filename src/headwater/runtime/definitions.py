"""Queries by name, written into the statements that read them.

Apart from the bench because nothing here asks the engine: a relation that is
computed from others costs a statement and its place in the catalogue only
when it has to be an object there. Most never have to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.values import frozen

__all__ = ["Definition", "Definitions"]


@frozen
class Definition:
    """A query, and the identifiers of the relations it reads."""

    sql: str
    reads: tuple[str, ...]


@dataclass(slots=True)
class Definitions:
    """Named queries. A name that is not among them is taken for a relation that the engine knows.

    >>> views = Definitions()
    >>> views.add('"a"', 'SELECT x FROM "t"', ['"t"'])
    >>> views.add('"b"', 'SELECT x + 1 AS x FROM "a"', ['"a"'])
    >>> print(views.over(['"b"'], 'SELECT max(x) FROM "b"'))
    WITH "a" AS NOT MATERIALIZED (SELECT x FROM "t"), "b" AS NOT MATERIALIZED (SELECT x + 1 AS x FROM "a") \
SELECT max(x) FROM "b"
    """

    _known: dict[str, Definition] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def add(self, name: str, sql: str, reads: Iterable[str]) -> None:
        self._known[name] = Definition(sql, tuple(reads))

    def repeat(self, name: str, known: str) -> None:
        """Give a query another name: one that stands for the first would be a level more to plan."""
        self._known[name] = self._known[known]

    def take(self, name: str) -> Definition:
        """Remove a definition and hand it out."""
        return self._known.pop(name)

    def over(self, reads: Iterable[str], sql: str) -> str:
        """A query with the definitions of what it reads, directly or through others, in front of it."""
        needed = self._closure(reads)
        if not needed:
            return sql
        named = ", ".join(f"{name} AS NOT MATERIALIZED ({self._known[name].sql})" for name in needed)
        # A query with names of its own keeps them to itself; a level less is planned sooner.
        return f"WITH {named} {sql}" if sql.startswith("SELECT ") else f"WITH {named} SELECT * FROM ({sql})"

    def _closure(self, reads: Iterable[str]) -> list[str]:
        """The definitions behind some names, each after those it reads."""
        ordered: dict[str, None] = {}
        waiting = [(name, False) for name in reversed(tuple(reads))]
        while waiting:
            name, complete = waiting.pop()
            if name in ordered or name not in self._known:
                continue
            if complete:
                ordered[name] = None
            else:
                waiting.append((name, True))
                waiting += [(read, False) for read in reversed(self._known[name].reads)]
        return list(ordered)
