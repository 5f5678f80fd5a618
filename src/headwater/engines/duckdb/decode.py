"""Decoding: rows of any form into a work relation, with what could not be decoded beside it.

Here stands what all forms share; each form has a module of its own. A decoder
materialises a *base*: columns ``c0`` ... typed as declared, ``file`` (which file
of the scan), ``record`` (which record there) and ``refused`` (why the record cannot
be admitted, NULL for a good one). The landed relation and its rejects are views of it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from headwater.engines.duckdb.decode_arrow import decode_arrow
from headwater.engines.duckdb.decode_csv import decode_csv
from headwater.engines.duckdb.decode_ipc import decode_ipc
from headwater.engines.duckdb.decode_ndjson import decode_ndjson, decode_ndjson_ahead
from headwater.engines.duckdb.decode_parquet import decode_parquet
from headwater.engines.duckdb.landing import Landing, RejectList
from headwater.engines.duckdb.work import WorkRelations
from headwater.spi.codec import FileScan, Rows
from headwater.spi.engine import Landed
from headwater.types import FieldPath, Schema

__all__ = ["decode", "decode_ahead"]


def decode(landing: Landing, rows: Rows, provenance: str | None) -> Landed:
    """Decode ``rows`` as :meth:`headwater.spi.engine.Session.land` promises."""
    if not isinstance(rows, FileScan):
        return decode_arrow(landing, rows, provenance)
    if not rows.files:
        return landing.finish(landing.empty_base(), ("",), RejectList(), 0)
    match rows.format:
        case "csv":
            return decode_csv(landing, rows)
        case "ndjson":
            return decode_ndjson(landing, rows)
        case "parquet":
            return decode_parquet(landing, rows)
        case "arrow":
            return decode_ipc(landing, rows)
        case _:
            assert_never(rows.format)


def decode_ahead(
    work: WorkRelations, rows: FileScan, *, schema: Schema, needed: Collection[FieldPath] | None = None
) -> None:
    """Begin to decode rows that :func:`decode` will be asked for, where that is done beside other work."""
    if rows.files and rows.format == "ndjson":
        decode_ndjson_ahead(work, rows, schema, needed)
