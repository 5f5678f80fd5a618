"""Work relations: temporary tables and views that end with the epoch.

Apart from the session so that the decoders can make their own without knowing
epochs. DuckDB lets one transaction write one database file and any temporary
relation, so work relations cost no durability. Views are left in the catalogue
when an epoch ends: the next one defines most of them again, by the same texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import duckdb

from headwater.engines.duckdb.ahead import Ahead
from headwater.engines.duckdb.beside import Act, Beside, Reading, T
from headwater.engines.duckdb.failures import streamed, wrapped
from headwater.engines.duckdb.footers import Footers
from headwater.engines.duckdb.schemas import to_schema
from headwater.engines.duckdb.statements import Statements
from headwater.engines.duckdb.text import auxiliary, unquoted
from headwater.errors import DataError, OutsideError, UsageError
from headwater.types import Schema, quote_identifier, quote_text

if TYPE_CHECKING:
    import pyarrow

__all__ = ["WorkRelations"]

RelationKind: TypeAlias = Literal["TABLE", "VIEW"]

batch_rows = 122_880
"""Rows of a streamed record batch: one DuckDB row group."""


class WorkRelations:
    """The temporary relations of one connection. Names are quoted identifiers."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.in_transaction = False
        """Whether a failed statement would undo durable ones."""
        self.ahead = Ahead(connection)
        self.beside = Beside(connection)
        self.footers = Footers()
        self._statements = Statements(connection)
        self._arrow_schemas: dict[pyarrow.Schema, Schema] = {}
        self._kinds: dict[str, RelationKind] = {}
        self._servants: dict[str, list[str]] = {}
        self._defined: dict[str, str] = {}
        self._idle: dict[str, str] = {}
        """Views that were dropped, with their texts, and are in the catalogue still."""
        self._variables: dict[str, Sequence[Any]] = {}
        self._values: dict[str, tuple[str, str]] = {}
        """The names of variables and the SQL of their values, by the call that reads each."""
        self._shared: dict[str, str] = {}
        """Tables that other connections of the process see, with their names there."""
        self._left: list[str] = []
        """Such tables that were dropped in the transaction, which may not touch their database."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Run one statement; what it raises is not wrapped."""
        return self._statements.run(sql, parameters)

    def create(self, name: str, sql: str, parameters: Sequence[Any] = (), *, shared: bool = False) -> int:
        """Materialise a query; returns its number of rows.

        Args:
            shared: have other connections see it, where it can be: a transaction writes one database only.

        Raises:
            UsageError: there is a relation of that name.
        """
        if name in self._kinds:  # a shared one would be hidden by it, or hide it
            raise UsageError(f"there is a work relation {name} already")
        place = f"memory.main.{name}" if shared and not self.in_transaction else None
        with wrapped(f"computing {unquoted(name)}"):
            self._clear(name)
            kind = "TEMP TABLE" if place is None else "TABLE"
            counted = self.run(f"CREATE {kind} {place or name} AS {sql}", parameters).fetchone()
        self._kinds[name] = "TABLE"
        if place is not None:
            self._shared[name] = place
        return int(counted[0]) if counted else 0

    def insert(self, name: str, sql: str) -> int:
        """Add a query's rows to a materialised relation; returns how many it has then."""
        with wrapped(f"computing {unquoted(name)}"):
            self.run(f"INSERT INTO {name} {sql}")
        return self.count(name)

    def attempt(self, name: str, sql: str) -> int | None:
        """Like :meth:`create`; None, and nothing has happened, when the data makes the query fail.

        A query that was begun ahead is not computed again: its table is given the name.
        """
        try:
            if self.in_transaction:
                return self._create_apart(name, sql)
            with wrapped(f"computing {unquoted(name)}"):
                computed = self.ahead.take(sql)
            if computed is None:
                return self.create(name, sql)
        except (DataError, OutsideError):
            return None
        self.define(name, f"SELECT *, rowid FROM {computed.table}")
        return computed.rows

    def _create_apart(self, name: str, sql: str) -> int:
        """Compute on a connection of its own first: what fails there leaves the transaction alone."""
        with wrapped(f"computing {unquoted(name)}"), self.connection.cursor() as apart:
            result = apart.sql(sql)
            columns = list(zip(result.columns, result.types, strict=True))
            rows = result.to_arrow_table()
        arrow = auxiliary(name, "apart")
        self.register(arrow, rows)
        casts = ", ".join(
            f"CAST({quote_identifier(each)} AS {kind}) AS {quote_identifier(each)}" for each, kind in columns
        )
        total = self.create(name, f"SELECT {casts} FROM {arrow}")
        self.drop(arrow)
        return total

    def define(self, name: str, sql: str, *, over: Sequence[str] = ()) -> None:
        """Name a query; ``over`` are relations that are dropped with it."""
        if name in self._kinds or self._idle.get(name) != sql:
            replace = "" if name in self._kinds else "OR REPLACE "
            with wrapped(f"defining {unquoted(name)}"):
                self.run(f"CREATE {replace}TEMP VIEW {name} AS {sql}")
        self._idle.pop(name, None)
        self._kinds[name] = "VIEW"
        self._defined[name] = sql
        self._servants[name] = list(over)

    def variable(self, name: str, value: str, parameters: Sequence[Any]) -> str:
        """SQL for a value that is another one in each epoch, so that texts with it are those of the epoch before."""
        if self._variables.get(name) != parameters:
            with wrapped(f"reading {unquoted(name)}"):
                self.run(f"SET VARIABLE {name} = {value}", parameters)
            self._variables[name] = parameters
        call = f"getvariable({quote_text(unquoted(name))})"
        self._values[call] = (name, value)
        return call

    def run_beside(self, sql: str, act: Act[T]) -> Callable[[], T]:
        """Do something with a query, on a thread of its own where another connection sees all that it reads.

        What it reads may be dropped, but not changed, until the result was asked for.
        """
        reading = self._reading(sql)
        begun = None if reading is None else self.beside.begin(reading, act)
        if begun is not None:
            return begun
        done = act(self.connection)
        return lambda: done

    def _reading(self, sql: str) -> Reading | None:
        """What a query reads; None where some of it is for this connection only."""
        reading = Reading({}, set(), {})
        return reading if not self.in_transaction and self._read(sql, reading) else None

    def _read(self, sql: str, reading: Reading) -> bool:
        """Add what a text reads, a view behind what it reads itself; whether others see all of it."""
        for call, (name, value) in self._values.items():
            if call in sql:
                reading.variables[name] = (value, self._variables[name])
        for name in self._kinds:
            if name not in sql or name in reading.tables or name in reading.views:
                continue
            if name in self._shared:
                reading.tables.add(name)
            elif name in self._defined and self._read(self._defined[name], reading):
                reading.views[name] = self._defined[name]
            else:
                return False
        return True

    def register(self, name: str, rows: Any) -> None:
        """Make an Arrow object readable; DuckDB keeps it alive as long as the relation."""
        with wrapped(f"reading {unquoted(name)}"):
            self._clear(name)
            self.connection.register(unquoted(name), rows)
        self._kinds[name] = "VIEW"

    def drop(self, name: str) -> None:
        """Drop a relation and those that serve only it. Raises UsageError when there is none of that name."""
        kind = self._kinds.pop(name, None)
        if kind is None:
            raise UsageError(f"there is no work relation {name}")
        if name in self._defined:
            self._idle[name] = self._defined.pop(name)
        elif name in self._shared and self.in_transaction:
            self._left.append(self._shared.pop(name))
        else:
            self._drop(kind, name)
        for servant in self._servants.pop(name, ()):
            self.drop(servant)

    def _drop(self, kind: RelationKind, name: str) -> None:
        with wrapped(f"dropping {unquoted(name)}"):
            if name in self._shared:
                self.beside.wait()
            self.run(f"DROP {kind} {self._shared.pop(name, name)}")

    def end(self) -> None:
        """Drop everything; what views it had is known for the next epoch."""
        for name, kind in reversed(self._kinds.items()):
            if name not in self._defined:
                self._drop(kind, name)
        self._drop_shared()
        self._idle.update(self._defined)
        self.ahead.end()
        self._forget()

    def abandon(self) -> None:
        """Drop everything that a rollback has left, or brought back."""
        left = (
            "SELECT view_name, 'VIEW' FROM duckdb_views() WHERE temporary AND NOT internal "
            "UNION ALL SELECT table_name, 'TABLE' FROM duckdb_tables() WHERE temporary"
        )
        with wrapped("ending the epoch"):
            for name, kind in self.connection.execute(left).fetchall():
                self.connection.execute(f"DROP {kind} {quote_identifier(name)}")
            self._left += self._shared.values()
        self._drop_shared()
        self._idle.clear()
        self._forget()

    def _drop_shared(self) -> None:
        with wrapped("ending the epoch"):
            for place in self._left:
                self.run(f"DROP TABLE IF EXISTS {place}")
        self._left.clear()

    def _forget(self) -> None:
        self._shared.clear()
        self._kinds.clear()
        self._servants.clear()
        self._defined.clear()

    def _clear(self, name: str) -> None:
        """Make room for another kind of relation where an idle view is."""
        if self._idle.pop(name, None) is not None:
            self.run(f"DROP VIEW {name}")

    def has(self, name: str) -> bool:
        return name in self._kinds

    def table(self, sql: str) -> pyarrow.Table:
        """A result as an Arrow table."""
        with wrapped("a query"):
            return self.connection.sql(sql).to_arrow_table()

    def count(self, name: str, where: str = "true") -> int:
        """How many rows of a relation fulfil a condition."""
        return int(self.fetch(f"SELECT count(*) FROM {name} WHERE {where}")[0][0])

    def describe(self, sql: str) -> Schema:
        """The columns of a query; nothing is read."""
        with wrapped("a query"):
            result = self.connection.sql(sql)
            if result is None:
                raise UsageError("the statement has no result")
            names, types = result.columns, [str(kind) for kind in result.types]
        return to_schema(names, types)

    def describe_arrow(self, rows: pyarrow.Table) -> Schema:
        """The columns of an Arrow table. Asked once for tables that are alike: files of one source are."""
        known = self._arrow_schemas.get(rows.schema)
        if known is None:
            name = auxiliary("described", "arrow")
            self.register(name, rows.slice(0, 0))
            known = self._arrow_schemas[rows.schema] = self.describe(f"SELECT * FROM {name}")
            self.drop(name)
        return known

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows.

        Zoned timestamps go by way of Arrow: DuckDB's own conversion needs pytz, which nothing else needs.
        """
        with wrapped("a query"):
            result = self.run(sql, parameters)
            if not any("TIME ZONE" in str(column[1]) for column in result.description or ()):
                return list(result.fetchall())
            result.abort()
            table = self.connection.sql(sql, params=list(parameters)).to_arrow_table()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def reader(self, sql: str, parameters: Sequence[Any] = ()) -> pyarrow.RecordBatchReader:
        """A result as a stream; only what is read is computed."""
        import pyarrow

        with wrapped("a query"):
            result: Any = self.connection.sql(sql, params=list(parameters))
            if result is None:
                raise UsageError("the statement has no result to read")
            stream = result.to_arrow_reader(batch_rows)
        return pyarrow.RecordBatchReader.from_batches(stream.schema, _batches(stream))


def _batches(stream: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    try:
        yield from stream
    except (OSError, pyarrow.ArrowException) as error:
        raise streamed("a query", str(error)) from error
    finally:
        stream.close()
