"""Queries over what was published, now or at an earlier version.

Apart from running because it writes nothing: it opens a session in memory and
lets it read the tables' files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from headwater.api.project import Project
from headwater.api.pythonic import to_rows
from headwater.api.shelf import Shelf
from headwater.errors import DeclarationError, did_you_mean
from headwater.spi import discovery
from headwater.spi.table import AtTime, AtVersion
from headwater.types import RelationName
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

    from headwater.sql.language import QueryRead

__all__ = ["QueryResult", "QueryStream", "open_query", "query"]

_countable: Final = 1_000_000
"""So many rows are computed to tell how many a limit left out."""

_numbers: Final = ("int", "uint", "float", "halffloat", "double", "decimal")


@frozen
class QueryResult:
    """Rows as Python values, in the order of ``columns``; ``cut`` when the limit left rows out.

    ``types`` are Arrow's names of the columns' types; ``numeric`` tells numbers from all else.
    ``total`` counts the rows without the limit; None when they are more than a million.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool
    total: int | None


class QueryStream:
    """A result that is computed while it is read, once. Columns are described as in :class:`QueryResult`."""

    def __init__(self, reader: pyarrow.RecordBatchReader) -> None:
        self._reader = reader
        self.columns = _distinct(reader.schema.names)
        self.types = tuple(str(field.type) for field in reader.schema)
        self.numeric = tuple(kind.startswith(_numbers) for kind in self.types)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """All rows, some ten thousand of them in memory at a time."""
        for batch in self._reader:
            yield from to_rows(batch)

    def take(self, limit: int | None) -> QueryResult:
        """At most so many rows as values, the others are only counted."""
        rows: list[tuple[Any, ...]] = []
        total: int | None = 0
        for batch in self._reader:
            total = (total or 0) + batch.num_rows
            missing = batch.num_rows if limit is None else limit - len(rows)
            rows.extend(to_rows(batch.slice(0, missing)) if missing else ())
            if limit is not None and total > max(limit, _countable):
                total = None
                break
        cut = total is None or total > len(rows)
        return QueryResult(self.columns, self.types, self.numeric, tuple(rows), cut, total)


def query(project: Project, sql: str, *, limit: int | None = None) -> QueryResult:
    """Run one read-only query over published relations.

    Args:
        project: whose relations are read.
        sql: one SELECT; relations are named ``product.relation``, their refused rows
            ``product.relation__quarantine``, earlier content ``... FOR VERSION AS OF n`` or
            ``FOR TIMESTAMP AS OF '...'``.
        limit: at most so many rows; None is all.

    Raises:
        DeclarationError: the text is no such query.
        UsageError: a relation is unknown or not published yet, or a version does not exist.
    """
    with open_query(project, sql) as stream:
        return stream.take(limit)


@contextmanager
def open_query(project: Project, sql: str) -> Iterator[QueryStream]:
    """The same as a stream, for results of any size.

    Raises:
        DeclarationError, UsageError: as :func:`query` does.
    """
    from headwater.sql.language import prepare_query

    names = RelationNames(project)
    prepared = prepare_query(sql, names.resolve, path="query")
    with discovery.engine(project.environment.engine).query(project.layout.engine_settings) as session:
        shelf = Shelf(project, session)
        for read in prepared.reads:
            shelf.provide(read.identifier, read.relation, _moment(read))
        yield QueryStream(session.reader(prepared.engine_sql))


class RelationNames:
    """What a name in a query means: ``product.relation``, or its name alone when that is unique."""

    def __init__(self, project: Project) -> None:
        workspace = project.workspace
        declared = [*workspace.models, *workspace.sources]
        self._known = {str(relation).casefold(): relation for name in declared for relation in (name.quarantine, name)}

    def resolve(self, parts: tuple[str, ...]) -> RelationName:
        """The relation; raises DeclarationError."""
        written = ".".join(parts)
        folded = written.casefold()
        found = [each for name, each in self._known.items() if folded in (name, name.partition(".")[2])]
        match found:
            case [relation]:
                return relation
            case []:
                known = [str(relation) for relation in self._known.values()]
                raise DeclarationError(f"there is no relation '{written}'", hint=did_you_mean(written, known))
            case _:
                names = ", ".join(sorted(map(str, found)))
                raise DeclarationError(f"'{written}' may be any of {len(found)} relations", hint=f"name one: {names}")


def _moment(read: QueryRead) -> AtVersion | AtTime | None:
    if read.at_version is not None:
        return AtVersion(read.at_version)
    return AtTime(read.at_time) if read.at_time is not None else None


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, repeated ones numbered, so that a row can be an object with a member for each.

    >>> _distinct(["id", "id", "name"])
    ('id', 'id_2', 'name')
    """
    found: dict[str, None] = {}
    for name in names:
        candidate, count = name, 1
        while candidate in found:
            count += 1
            candidate = f"{name}_{count}"
        found[candidate] = None
    return tuple(found)
