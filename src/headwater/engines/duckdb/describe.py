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
from headwater.types import Column, Schema

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
        if scan.format == "parquet":
            return describe_parquet(work, scan)
        return _promised(work.describe(f"SELECT * FROM {_sniffed(scan)}"))
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


def _sniffed(scan: FileScan) -> str:
    paths = literal_list(file.path for file in scan.files)
    compression = scan.options.get("compression")
    given = f", compression = {literal(str(compression))}" if compression else ""
    if scan.format == "ndjson":
        return f"read_json({paths}, format = 'newline_delimited', maximum_depth = 8, union_by_name = true{given})"
    dialect = CsvDialect.of(scan)
    options = [f"nullstr = {literal_list(('', *dialect.nulls))}", "union_by_name = true", "sample_size = 100000"]
    options += [f"max_line_size = {max_record_bytes}"]
    if "delimiter" in scan.options:
        options.append(f"delim = {literal(dialect.delimiter)}")
    if "quote" in scan.options:
        options.append(f"quote = {literal(dialect.quote)}")
    options.append(f"header = {str(dialect.header).lower()}")
    return f"read_csv({paths}, {', '.join(options)}{given})"


def _promised(found: Schema) -> Schema:
    return Schema(tuple(Column(column.name, column.type) for column in found))
