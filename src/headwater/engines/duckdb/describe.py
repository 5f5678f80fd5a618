"""Inferring the columns of files: what a source without declared columns starts from.

Apart from decoding because it samples, and because its answer is written into
a declaration that a person reads; decoding never infers.
"""

from __future__ import annotations

from headwater.engines.duckdb.csv_records import CsvDialect, max_record_bytes
from headwater.engines.duckdb.decode_parquet import describe_parquet
from headwater.engines.duckdb.settings import EngineSettings, connect
from headwater.engines.duckdb.text import literal, literal_list
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError, HeadwaterError
from headwater.spi.codec import FileScan
from headwater.types import Column, DataType, Schema

__all__ = ["describe"]


def describe(scan: FileScan) -> Schema:
    """The columns of files, from a sample of their records (Parquet: from their footers).

    Raises:
        DataError: there is no file, or one cannot be read as its format.
    """
    if not scan.files:
        raise DataError("there is no file to infer columns from")
    connection = connect(None, EngineSettings(threads=1))
    try:
        work = WorkRelations(connection)
        found = describe_parquet(work, scan) if scan.format == "parquet" else _sampled(work, scan)
    except HeadwaterError as error:
        detail = error.detail or error.message
        for file in scan.files:
            detail = detail.replace(file.path, file.name)
        raise DataError(
            f"the columns of {scan.files[0].name} cannot be inferred",
            detail=detail,
            hint="declare the source's columns, or mend the file",
        ) from error
    finally:
        connection.close()
    return Schema(tuple(Column(column.name, _kept(column.type)) for column in found))


def _sampled(work: WorkRelations, scan: FileScan) -> Schema:
    """What DuckDB's own detection says of the first records, read in the declared dialect."""
    paths = literal_list(file.path for file in scan.files)
    compression = scan.options.get("compression")
    given = f", compression = {literal(str(compression))}" if compression else ""
    if scan.format == "ndjson":
        options = "format = 'newline_delimited', maximum_depth = 8, union_by_name = true, ignore_errors = true"
        return _described(work, scan, f"read_json({paths}, {options}{given})")
    dialect = CsvDialect.of(scan)
    options = (
        f"nullstr = {literal_list(('', *dialect.nulls))}, union_by_name = true, sample_size = 100000, "
        f"max_line_size = {max_record_bytes}, delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.escape)}, header = {str(dialect.header).lower()}, ignore_errors = true"
    )
    return _described(work, scan, f"read_csv({paths}, {options}{given})")


def _described(work: WorkRelations, scan: FileScan, reading: str) -> Schema:
    found = work.describe(f"SELECT * FROM {reading}")
    other = next((mark for mark in (";", "\t", "|") if len(found) == 1 and mark in found.names[0]), None)
    if scan.format == "csv" and other is not None:
        raise DataError(f"the header has one column, with {other!r} inside: set the source's 'delimiter'")
    if scan.format == "ndjson" and found.names == ("json",):
        raise DataError("no line of the sample is a JSON object with members")
    return found


def _kept(kind: DataType) -> DataType:
    """JSON of no fixed shape is kept as text."""
    return DataType("VARCHAR") if kind.name == "JSON" else kind
