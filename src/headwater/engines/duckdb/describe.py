"""Inferring the columns of files: what a source without declared columns starts from.

Apart from decoding because it samples, and because its answer is written into
a declaration that a person reads; decoding never infers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from headwater.engines.duckdb.csv_records import CsvDialect, max_record_bytes
from headwater.engines.duckdb.decode_ipc import describe_ipc
from headwater.engines.duckdb.decode_parquet import describe_parquet
from headwater.engines.duckdb.records import open_lines
from headwater.engines.duckdb.settings import EngineSettings, connect
from headwater.engines.duckdb.text import literal_list
from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import DataError, HeadwaterError
from headwater.spi.codec import FileScan, ScanFile
from headwater.types import Column, DataType, Json, Schema, quote_text

__all__ = ["describe"]

sample_lines: Final = 100_000


def describe(scan: FileScan) -> Schema:
    """The columns of files, from a sample of their records (Parquet and Arrow: from their schemas).

    Raises:
        DataError: there is no file, or one cannot be read as its format.
    """
    if not scan.files:
        raise DataError("there is no file to infer columns from")
    connection = _database().cursor()
    try:
        work = WorkRelations(connection)
        match scan.format:
            case "parquet":
                found = describe_parquet(work, scan)
            case "arrow":
                found = describe_ipc(work, scan)
            case _:
                found = _sampled(work, scan)
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


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One empty database for all that is described: opening another takes longer than reading a footer."""
    return connect(None, EngineSettings(threads=1))


def _sampled(work: WorkRelations, scan: FileScan) -> Schema:
    """What DuckDB's own detection says of the first records, read in the declared dialect."""
    if "encoding" not in scan.options:
        return _described(work, scan)
    with TemporaryDirectory(prefix="headwater-") as folder:
        return _described(work, replace(scan, files=tuple(_transcoded(scan, folder)), options=_plain(scan.options)))


def _plain(options: Mapping[str, Json]) -> Mapping[str, Json]:
    return {key: value for key, value in options.items() if key not in {"encoding", "compression"}}


def _transcoded(scan: FileScan, folder: str) -> Iterator[ScanFile]:
    """The first lines of each file, in UTF-8: DuckDB knows few other encodings."""
    encoding, compression = str(scan.options["encoding"]), scan.options.get("compression")
    for number, file in enumerate(scan.files):
        path = Path(folder) / f"{number}.{scan.format}"
        with open_lines(file, compression, encoding) as lines, path.open("wb") as sample:
            sample.writelines(islice(lines, sample_lines))
        yield ScanFile(str(path), file.name, path.stat().st_size)


def _described(work: WorkRelations, scan: FileScan) -> Schema:
    found = work.describe(f"SELECT * FROM {_reading(scan)}")
    other = next((mark for mark in (";", "\t", "|") if len(found) == 1 and mark in found.names[0]), None)
    if scan.format == "csv" and other is not None:
        raise DataError(f"the header has one column, with {other!r} inside: set the source's 'delimiter'")
    if scan.format == "ndjson" and found.names == ("json",):
        raise DataError("no line of the sample is a JSON object with members")
    return found


def _reading(scan: FileScan) -> str:
    paths = literal_list(file.path for file in scan.files)
    compression = scan.options.get("compression")
    given = f", compression = {quote_text(str(compression))}" if compression else ""
    if scan.format == "ndjson":
        options = "format = 'newline_delimited', maximum_depth = 8, union_by_name = true, ignore_errors = true"
        return f"read_json({paths}, {options}{given})"
    dialect = CsvDialect.of(scan)
    options = (
        f"nullstr = {literal_list(('', *dialect.nulls))}, union_by_name = true, sample_size = {sample_lines}, "
        f"max_line_size = {max_record_bytes}, delim = {quote_text(dialect.delimiter)}, "
        f"quote = {quote_text(dialect.quote)}, escape = {quote_text(dialect.escape)}, "
        f"header = {str(dialect.header).lower()}, ignore_errors = true"
    )
    return f"read_csv({paths}, {options}{given})"


def _kept(kind: DataType) -> DataType:
    """JSON of no fixed shape is kept as text."""
    return DataType("VARCHAR") if kind.name == "JSON" else kind
