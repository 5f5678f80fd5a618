"""A product's state, open: transactions, durable statements, work relations, results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from headwater.engines.duckdb.decode import decode, decode_ahead
from headwater.engines.duckdb.decode_parquet import parquet_query
from headwater.engines.duckdb.encode_parquet import write_parquet
from headwater.engines.duckdb.failures import wrapped
from headwater.engines.duckdb.landing import Landing
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import UsageError
from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows
from headwater.spi.engine import Landed
from headwater.types import FieldPath, Schema, quote_identifier

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.dataset

__all__ = ["DuckDBSession"]

LONGEST_LOG: Final = 64 * 1024 * 1024
"""Bytes of log from which on it is written into the state file, between two epochs. Reading that much again after a
crash takes half a second; with less, the file is written so often that the pauses show."""


class DuckDBSession:
    """A :class:`headwater.spi.engine.Session`, ``BesideWriter`` and ``AheadDecoder``; see there for their promises.

    Outside :meth:`begin` and :meth:`commit` every statement stands for itself, and work
    relations live until they are dropped or the session ends.

    Args:
        connection: of the state's database.
        log: its write-ahead log, which is kept short; None where there is none.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, log: Path | None = None) -> None:
        self._connection = connection
        self._log = log
        self._work = WorkRelations(connection)
        self._epoch = False

    def begin(self) -> None:
        # The database transaction begins with the first durable statement: a file with faults fails a
        # statement when it is landed, and a failed statement would end the transaction.
        if self._epoch:
            raise UsageError("the epoch has already begun")
        self._shorten_log()
        self._epoch = True

    def commit(self) -> None:
        with wrapped("committing the epoch"):
            if self._work.in_transaction:
                self._work.run("COMMIT")
        self._work.in_transaction = self._epoch = False
        self._work.end()

    def rollback(self) -> None:
        with wrapped("rolling the epoch back"):
            self._work.beside.forget()
            if self._work.in_transaction:
                self._connection.execute("ROLLBACK")
        self._work.in_transaction = self._epoch = False
        self._work.ahead.forget()
        self._work.abandon()

    def _shorten_log(self) -> None:
        if self._log is not None and self._log.exists() and self._log.stat().st_size >= LONGEST_LOG:
            with wrapped("writing the log into the state"):
                self._connection.execute("CHECKPOINT")

    def land(
        self,
        name: str,
        rows: Rows,
        *,
        schema: Schema,
        rejects: str | None = None,
        provenance: str | None = None,
        needed: Collection[FieldPath] | None = None,
        readers: int = 1,
    ) -> Landed:
        return decode(Landing(self._work, name, rejects, schema, needed, readers), rows, provenance)

    def land_ahead(self, rows: FileScan, *, schema: Schema, needed: Collection[FieldPath] | None = None) -> None:
        decode_ahead(self._work, rows, schema=schema, needed=needed)

    def close(self) -> None:
        """Stop what is computed ahead; the connection stays its owner's to close."""
        self._work.ahead.close()
        self._work.beside.close()

    def view(self, name: str, rows: Rows, *, schema: Schema | None = None) -> None:
        match rows:
            case FileScan(format="parquet"):
                self._work.define(name, parquet_query(self._work, rows, schema or rows.schema))
            case FileScan():
                raise UsageError(f"{rows.format} files cannot be viewed, only landed")
            case _:
                self._work.register(name, _many_times(rows))

    def create(self, name: str, sql: str, parameters: Sequence[Any] = ()) -> int:
        return self._work.create(name, sql, parameters, shared=True)

    def define(self, name: str, sql: str) -> None:
        self._work.define(name, sql)

    def drop(self, name: str) -> None:
        self._work.drop(name)

    def take(self, name: str, state: str, where: str, parameters: Sequence[Any] = ()) -> int:
        with wrapped("a statement on the state"):
            self._begin_transaction()
        gone = f'DELETE FROM {state} AS "kept" WHERE {where} RETURNING *'
        return self._work.create(name, f'WITH "gone" AS ({gone}) SELECT * FROM "gone"', parameters)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        with wrapped("a statement on the state"):
            self._begin_transaction()
            self._work.run(sql, parameters)

    def _begin_transaction(self) -> None:
        """Durable statements of an epoch stand in one transaction, which begins with the first of them."""
        if self._epoch and not self._work.in_transaction:
            self._work.run("BEGIN TRANSACTION")
            self._work.in_transaction = True

    def keep(self, state: str, like: str) -> None:
        # Columns are spelled out: rows inserted into an empty CREATE TABLE AS of the same
        # transaction are lost when they are many (docs/reference/quirks.md).
        columns = self._work.describe(f"SELECT * FROM {like}")
        named = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in columns)
        self.execute(f"CREATE TABLE IF NOT EXISTS {state} ({named})")

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._work.fetch(sql, parameters)

    def reader(self, sql: str, parameters: Sequence[Any] = ()) -> pyarrow.RecordBatchReader:
        return self._work.reader(sql, parameters)

    def write_parquet(
        self, sql: str, target: ParquetTarget, known: Schema | None = None
    ) -> tuple[ParquetFile, ...] | None:
        copied = write_parquet(self._work, sql, target, known)
        return None if copied is None else copied()

    def write_parquet_beside(
        self, sql: str, target: ParquetTarget, known: Schema | None = None
    ) -> Callable[[], tuple[ParquetFile, ...]] | None:
        return write_parquet(self._work, sql, target, known, beside=True)


def _many_times(
    rows: pyarrow.RecordBatchReader | pyarrow.dataset.Dataset | pyarrow.Table,
) -> pyarrow.dataset.Dataset | pyarrow.Table:
    """Rows that can be scanned again: a stream is read first."""
    import pyarrow

    return rows.read_all() if isinstance(rows, pyarrow.RecordBatchReader) else rows
