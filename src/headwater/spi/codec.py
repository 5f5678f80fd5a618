"""How rows travel between plugins: described files, or Arrow.

Files are described, not read, by the connector, so that the engine can decode
them with its own vectorised readers and push projections down; everything else
travels as Arrow record batches. What leaves an engine for a table may be written
as Parquet by the engine itself, where both sides can: a :class:`ParquetTarget`
says where and as what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from headwater.types import Json, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.dataset

__all__ = [
    "FILE_COLUMN",
    "ROW_COLUMN",
    "FileScan",
    "ParquetFile",
    "ParquetTarget",
    "RecordFormat",
    "Rows",
    "ScanFile",
]

FILE_COLUMN: Final = "_hw_file"
"""BIGINT, of a located scan: which of its files a row is in, from 0."""

ROW_COLUMN: Final = "_hw_row"
"""BIGINT, of a located scan: which row of the file it is, from 0."""

RecordFormat: TypeAlias = Literal["csv", "ndjson", "parquet", "arrow"]


@frozen
class ScanFile:
    """A file the engine can open.

    ``path`` is absolute; ``name`` is what provenance shows (relative to the
    workspace, a zip member as ``data/flights.csv.zip!flights.csv``).
    """

    path: str
    name: str
    size: int


@frozen
class FileScan:
    """Files of one record format, to be decoded by an engine.

    ``schema`` None lets the engine infer it; with a schema, absent columns are
    NULL and further columns are ignored. ``options`` are the format's
    (CSV: ``delimiter``, ``quote``, ``escape``, ``header``, ``null``, a text or a list;
    CSV and NDJSON: ``encoding``, ``timestamp_format``, ``date_format``; all: ``compression``).
    Where it is ``located``, a view of Parquet files has two columns more: :data:`FILE_COLUMN`, :data:`ROW_COLUMN`.
    """

    format: RecordFormat
    files: tuple[ScanFile, ...]
    schema: Schema | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    located: bool = False


Rows: TypeAlias = "FileScan | pyarrow.RecordBatchReader | pyarrow.dataset.Dataset | pyarrow.Table"


@frozen
class ParquetTarget:
    """Where an engine writes a result as Parquet files, and what they must hold.

    ``folder`` is absolute, and empty or not there yet; ``schema`` are the columns in their order, found by name in the
    result, upper and lower case being one. ``compression`` is ``zstd`` or ``snappy``; a file is closed when it has
    about ``file_bytes``. ``field_ids`` are the ids of the columns, by name, where the table's format has them.
    """

    folder: str
    schema: Schema
    compression: Literal["zstd", "snappy"] = "zstd"
    file_bytes: int = 256 * 1024 * 1024
    field_ids: Mapping[str, int] = field(default_factory=dict)


@frozen
class ParquetFile:
    """A file that an engine has written: its name in the target's folder, its bytes and rows.

    No other file of the table has the name.
    """

    name: str
    size: int
    rows: int
