"""A query's rows into Parquet files, written by DuckDB's own COPY.

Apart from the decoders because the question is another one: not what a record
may be, but whether DuckDB writes a result as the table must have it. Where that
is in doubt nothing is written, and the rows travel as Arrow.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import duckdb

from headwater.engines.duckdb.failures import wrapped
from headwater.engines.duckdb.work import WorkRelations
from headwater.spi.codec import ParquetFile, ParquetTarget
from headwater.types import Column, DataType, Schema, quote_identifier, quote_text

__all__ = ["write_parquet"]

_written_as_others: Final = frozenset({"HUGEINT", "UHUGEINT", "TIMESTAMP_S", "TIMESTAMP_MS", "INTERVAL", "NULL"})
"""Types for which Parquet has no form of their own, so that DuckDB writes another one."""
_exact: Final = frozenset(
    {("FLOAT", "DOUBLE"), ("JSON", "VARCHAR"), ("UUID", "VARCHAR")}
    | {("TIMESTAMP_S", "TIMESTAMP"), ("TIMESTAMP_MS", "TIMESTAMP")}
)


def write_parquet(
    work: WorkRelations, sql: str, target: ParquetTarget, known: Schema | None, *, beside: bool = False
) -> Callable[[], tuple[ParquetFile, ...]] | None:
    """Write the rows as :class:`headwater.spi.engine.ParquetWriter` or, ``beside``, ``BesideWriter`` promises."""
    columns = _columns(known or work.describe(sql), target.schema)
    if columns is None:
        return None
    query = f"SELECT {columns} FROM ({sql})"
    copy = partial(_copy, query, target)
    with wrapped("writing the rows"):
        if beside:
            return partial(_waited_for, work.run_beside(query, copy))
        files = copy(work.connection)
    return lambda: files


def _waited_for(copied: Callable[[], tuple[ParquetFile, ...]]) -> tuple[ParquetFile, ...]:
    with wrapped("writing the rows"):
        return copied()


def _copy(query: str, target: ParquetTarget, connection: duckdb.DuckDBPyConnection) -> tuple[ParquetFile, ...]:
    # The sandbox knows folders by their true names.
    folder = Path(os.path.realpath(target.folder))
    folder.mkdir(parents=True, exist_ok=True)
    options = [
        "FORMAT parquet",
        f"COMPRESSION {target.compression}",
        f"FILE_SIZE_BYTES {target.file_bytes}",
        "FILENAME_PATTERN '{uuid}'",
        "WRITE_EMPTY_FILE false",
        "RETURN_FILES",
    ]
    if target.field_ids:
        ids = ", ".join(f"{quote_identifier(name)}: {number}" for name, number in target.field_ids.items())
        options.append(f"FIELD_IDS {{{ids}}}")
    statement = f"COPY ({query}) TO {quote_text(str(folder))} ({', '.join(options)})"
    was_empty = not any(folder.iterdir())
    try:
        ((total, paths),) = connection.execute(statement).fetchall()
    except duckdb.OutOfMemoryException:
        # It may be tried again, and COPY refuses a folder with files: those that are there now are its own.
        for left in folder.iterdir() if was_empty else ():
            left.unlink()
        raise
    # Counting by file is left to the footers: the statistics that COPY can return cost a third of a small file.
    counts = dict.fromkeys(paths, total) if len(paths) < 2 else _counts(connection, paths)
    return tuple(ParquetFile(Path(path).name, Path(path).stat().st_size, int(counts[path])) for path in paths)


def _counts(connection: duckdb.DuckDBPyConnection, paths: list[str]) -> dict[str, int]:
    """How many rows each file has."""
    counted = connection.execute("SELECT file_name, num_rows FROM parquet_file_metadata(?)", [paths])
    return dict(counted.fetchall())


def _columns(found: Schema, wanted: Schema) -> str | None:
    """The select list that makes what was found into what is wanted; None where that is not certain to be exact."""
    columns = []
    for column in wanted:
        match = found.get(column.name)
        value = None if match is None else _value(match, column)
        if value is None:
            return None
        columns.append(f"{value} AS {quote_identifier(column.name)}")
    return ", ".join(columns)


def _value(found: Column, wanted: Column) -> str | None:
    name = quote_identifier(found.name)
    if not wanted.nullable or _holds(wanted.type, _written_as_others):
        return None
    if found.type != wanted.type and not _casts_exactly(found.type, wanted.type):
        return None
    # A cast to what a value is already costs nothing, and holds the file's column to its type whatever was known.
    return f"CAST({name} AS {wanted.type})"


def _casts_exactly(found: DataType, wanted: DataType) -> bool:
    """Whether the engine's cast gives the same value or an error."""
    if found.is_integer:
        return wanted.is_integer or (wanted.name == "DECIMAL" and wanted.arguments[1] == 0)
    if found.name == "DECIMAL" and wanted.name == "DECIMAL":
        return wanted.arguments[1] >= found.arguments[1]
    return (found.name, wanted.name) in _exact


def _holds(kind: DataType, names: frozenset[str]) -> bool:
    inner = [kind.element, kind.key, *(member.type for member in kind.fields)]
    return kind.name in names or any(_holds(member, names) for member in inner if member is not None)
