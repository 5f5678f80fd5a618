"""Parquet files: scanned where they are, copied when their types differ from the declared ones or many read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from headwater.engines.duckdb.casts import Cast, refused
from headwater.engines.duckdb.decode_arrow import casts_of, count_refused, refused_columns
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.narrowing import KeptColumn, kept_column
from headwater.engines.duckdb.text import auxiliary, empty_relation, literal_list
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError, DeclarationError, OutsideError, UsageError
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN
from headwater.spi.codec import FILE_COLUMN, ROW_COLUMN, FileScan
from headwater.spi.engine import Landed
from headwater.types import Schema, quote_identifier

__all__ = ["decode_parquet", "describe_parquet", "parquet_query"]

fewest_readers: Final = 8
"""Readers from which a copy pays: making one takes as long as what four or five scans of the files save by it."""
most_values: Final = 5_000_000
"""Values that are copied at most: 40 MB. Texts are not, for they have any length, and dictionaries keep them small."""


def decode_parquet(landing: Landing, scan: FileScan) -> Landed:
    """Define the landed relation over the files themselves where that is sound and cheap, else over a copy."""
    work = landing.work
    known = work.footers.read(landing.name, scan)
    found = describe_parquet(work, scan) if known is None else known[0]
    casts = casts_of(landing, found, scan.files[0].name)
    if refused(casts) is not None:
        return _copied(landing, scan, casts, found)
    if known is None:
        work.footers.remember(landing.name, scan, found)
    total = count_parquet(work, scan) if known is None else known[1]
    kept = [kept_column(column, landing.needed) for column in landing.schema]
    if _copy_pays(landing, kept, total):
        return _copied_for_many(landing, scan, casts, kept)
    _define_over(landing, scan, casts)
    landing.define_no_rejects()
    return Landed(rows=total, malformed=0)


def _define_over(landing: Landing, scan: FileScan, casts: Sequence[Cast]) -> None:
    """Define the landed relation over files of which no row can be refused.

    The files are values of a variable, so that the text is the one of the epoch before, whose view is there still.
    """
    listed = [[file.path for file in scan.files], [file.name for file in scan.files]]
    files = landing.work.variable(auxiliary(landing.name, "files"), "{'paths': ?, 'names': ?}", listed)
    columns = [f"{cast.value} AS {quote_identifier(cast.column.name)}" for cast in casts]
    place = "1" if len(scan.files) == 1 else "CAST(file_index AS BIGINT) + 1"
    columns += [f"{files}.names[{place}] AS {SOURCE_COLUMN}", f"file_row_number + 1 AS {OFFSET_COLUMN}"]
    query = f"SELECT {', '.join(columns)} FROM {_reader(f'{files}.paths', scan)}"
    landing.work.define(landing.name, query)


def _copy_pays(landing: Landing, kept: Sequence[KeptColumn], rows: int) -> bool:
    types = [column.type for column in kept if column.type is not None]
    flat = all(each.is_numeric or each.is_temporal or each.name == "BOOLEAN" for each in types)
    return landing.readers >= fewest_readers and flat and rows * len(types) <= most_values


def _copied_for_many(landing: Landing, scan: FileScan, casts: Sequence[Cast], kept: Sequence[KeptColumn]) -> Landed:
    """Copy the columns that are kept of rows of which none can be refused."""
    columns = [f"{cast.value} AS c{i}" for i, cast in enumerate(casts) if kept[i].type is not None]
    columns.append("CAST(file_index AS INTEGER) AS file")
    total = landing.work.create(landing.base, f"SELECT {', '.join(columns)} FROM {_read(scan)}", shared=True)
    whole = all(column.is_whole for column in kept)
    values = None if whole else tuple(column.shown(f"b.c{i}") for i, column in enumerate(kept))
    base = Base(landing.base, total, filed=True, values=values)
    return landing.finish(base, tuple(file.name for file in scan.files), RejectList(), 0)


def _copied(landing: Landing, scan: FileScan, casts: Sequence[Cast], found: Schema) -> Landed:
    """Copy the rows and say which of them are refused."""
    columns = [f"{cast.value} AS c{i}" for i, cast in enumerate(casts)]
    columns += refused_columns(casts, found)
    columns += ["CAST(file_index AS INTEGER) AS file", "file_row_number + 1 AS record"]
    total = landing.work.create(landing.base, f"SELECT {', '.join(columns)} FROM {_read(scan)}")
    base = Base(landing.base, total, filed=True, numbered=True)
    names = tuple(file.name for file in scan.files)
    return landing.finish(base, names, RejectList(), count_refused(landing, casts))


def parquet_query(work: WorkRelations, scan: FileScan, schema: Schema | None) -> str:
    """A query over the files: the declared columns, cast as landing casts them, without refused rows."""
    if not scan.files and schema is not None:
        return empty_relation(schema)
    found = describe_parquet(work, scan)
    places = f", CAST(file_index AS BIGINT) AS {FILE_COLUMN}, file_row_number AS {ROW_COLUMN}" if scan.located else ""
    if schema is None:
        return f"SELECT {', '.join(quote_identifier(name) for name in found.names)}{places} FROM {_read(scan)}"
    casts = casts_of(Landing(work, "", None, schema), found, scan.files[0].name)
    columns = ", ".join(f"{cast.value} AS {quote_identifier(cast.column.name)}" for cast in casts)
    anything = refused(casts)
    where = f" WHERE ({anything}) IS NOT TRUE" if anything else ""
    return f"SELECT {columns}{places} FROM {_read(scan)}{where}"


def describe_parquet(work: WorkRelations, scan: FileScan) -> Schema:
    """The union of the files' columns by name. Raises DataError when a file is not readable Parquet."""
    with _readable(work, scan):
        return work.describe(f"SELECT * FROM {_read(scan)}")


def count_parquet(work: WorkRelations, scan: FileScan) -> int:
    """The number of rows; DuckDB knows it from the files' footers."""
    with _readable(work, scan):
        return int(work.fetch(f"SELECT count(*) FROM {_read(scan)}")[0][0])


def _read(scan: FileScan) -> str:
    return _reader(literal_list(file.path for file in scan.files), scan)


def _reader(paths: str, scan: FileScan) -> str:
    # Read as a union, one file loses its statistics: queries over it take a twelfth longer.
    return f"read_parquet({paths}{', union_by_name = true' if len(scan.files) > 1 else ''})"


@contextmanager
def _readable(work: WorkRelations, scan: FileScan) -> Iterator[None]:
    """Say which of the files is damaged, by the name that the user knows."""
    try:
        yield
    except (DataError, OutsideError, UsageError, DeclarationError) as error:
        if len(scan.files) > 1:
            for file in scan.files:
                describe_parquet(work, FileScan("parquet", (file,)))
        detail = error.detail or error.message
        for file in scan.files:
            detail = detail.replace(file.path, file.name)
        names = scan.files[0].name if len(scan.files) == 1 else f"{scan.files[0].name} and {len(scan.files) - 1} more"
        raise DataError(
            f"{names} cannot be read as Parquet",
            detail=detail,
            hint="write the file again, or move it out of the source's path",
        ) from error
