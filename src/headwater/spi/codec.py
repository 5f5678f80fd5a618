"""How rows travel between plugins: described files, or Arrow.

Files are described, not read, by the connector, so that the engine can decode
them with its own vectorised readers and push projections down; everything else
travels as Arrow record batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from headwater.types import Json, Schema

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.dataset

__all__ = ["FileScan", "RecordFormat", "Rows", "ScanFile"]

RecordFormat: TypeAlias = Literal["csv", "ndjson", "parquet"]


@dataclass(frozen=True, slots=True)
class ScanFile:
    """A file the engine can open.

    ``path`` is absolute; ``name`` is what provenance shows (relative to the
    workspace, a zip member as ``data/flights.csv.zip!flights.csv``).
    """

    path: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class FileScan:
    """Files of one record format, to be decoded by an engine.

    ``schema`` None lets the engine infer it; with a schema, absent columns are
    NULL and further columns are ignored. ``options`` are the format's
    (CSV: ``delimiter``, ``quote``, ``escape``, ``header``, ``null``, a text or a list;
    CSV and NDJSON: ``encoding``, ``timestamp_format``, ``date_format``; all: ``compression``).
    """

    format: RecordFormat
    files: tuple[ScanFile, ...]
    schema: Schema | None = None
    options: Mapping[str, Json] = field(default_factory=dict)


Rows: TypeAlias = "FileScan | pyarrow.RecordBatchReader | pyarrow.dataset.Dataset | pyarrow.Table"
