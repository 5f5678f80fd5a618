"""Arrow record batches, tables and datasets into a work relation.

Columns are matched by name. A value that the declared type cannot hold exactly
makes its row a reject whose raw text is the row as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headwater.engines.duckdb.casts import Cast, cast_value, refusal, refused
from headwater.engines.duckdb.landing import Base, Landing, RejectList
from headwater.engines.duckdb.text import auxiliary
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN
from headwater.spi.engine import Landed
from headwater.types import Schema, quote_identifier, quote_text

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.dataset

__all__ = ["casts_of", "count_refused", "decode_arrow", "refused_columns"]


def decode_arrow(
    landing: Landing,
    rows: pyarrow.RecordBatchReader | pyarrow.dataset.Dataset | pyarrow.Table,
    provenance: str | None,
) -> Landed:
    """Copy the rows; those that carry provenance columns keep them."""
    work, arrow = landing.work, auxiliary(landing.name, "arrow")
    work.register(arrow, rows)
    found = work.describe(f"SELECT * FROM {arrow}")
    casts = casts_of(landing, found, provenance or "the input")
    carried = found.get(SOURCE_COLUMN) is not None and found.get(OFFSET_COLUMN) is not None
    columns = [f"{cast.value} AS c{i}" for i, cast in enumerate(casts)]
    columns += refused_columns(casts, found)
    if carried:
        columns += [f"{SOURCE_COLUMN} AS source", f"{OFFSET_COLUMN} AS record"]
    total = work.create(landing.base, f"SELECT {', '.join(columns)} FROM {arrow}")
    work.drop(arrow)
    base = Base(landing.base, total, numbered=carried, sourced=carried)
    return landing.finish(base, (provenance or "",), RejectList(), count_refused(landing, casts))


def casts_of(landing: Landing, found: Schema, where: str) -> list[Cast]:
    """How each declared column is made from the found ones, matched by name."""
    casts: list[Cast] = []
    for column in landing.schema:
        match = found.get(column.name)
        if match is None:
            casts.append(landing.absent(column, where))
        else:
            casts.append(cast_value(quote_identifier(match.name), match.type, column))
    return casts


def refused_columns(casts: Sequence[Cast], found: Schema) -> list[str]:
    """The base's columns ``refused`` and ``raw``: the row as JSON, where it is refused."""
    anything = refused(casts)
    if anything is None:
        return []
    members = ", ".join(f"{quote_text(column.name)}: {quote_identifier(column.name)}" for column in found)
    raw = f"CASE WHEN {anything} THEN CAST(to_json({{{members}}}) AS VARCHAR) END"
    return [f"{refusal(casts)} AS refused", f"{raw} AS raw"]


def count_refused(landing: Landing, casts: Sequence[Cast]) -> int:
    """How many rows of the landing's base are refused; none can be where no type differs."""
    return landing.work.count(landing.base, "refused IS NOT NULL") if refused(casts) else 0
