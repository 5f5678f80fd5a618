"""Arrow batches as rows of Python values.

Apart from queries because Python cannot hold all that a column can: dates
before year 1 and behind 9999, nanoseconds, months as a duration. Those come as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import DataError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["to_rows"]


def to_rows(batch: pyarrow.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch; raises DataError for a value that is inside another one and has no Python form."""
    columns = [_values(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return zip(*columns, strict=True) if columns else iter(())


def _values(name: str, column: pyarrow.Array) -> list[Any]:
    kind = str(column.type)
    if kind == "month_day_nano_interval":
        return [None if value is None else _duration(*value) for value in column.to_pylist()]
    try:
        return list(column.to_pylist(maps_as_pydicts="lossy"))
    except (ValueError, OverflowError, TypeError) as error:
        texts = list(column.cast("string").to_pylist()) if kind.startswith(("timestamp", "date", "time")) else None
        if texts is not None and not any(text and text.startswith("<") for text in texts):
            return texts
        raise DataError(
            f"the column '{name}' holds a value that cannot be shown",
            detail=str(error),
            hint=f"show it as text: CAST({name} AS VARCHAR)",
        ) from error


def _duration(months: int, days: int, nanoseconds: int) -> str:
    """ISO 8601, each unit with its own sign: their lengths vary against each other.

    >>> _duration(14, -1, 1_500_000_000), _duration(0, 0, 0)
    ('P14M-1DT1.5S', 'PT0S')
    """
    date = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    seconds = f"{nanoseconds / 1_000_000_000:.9f}".rstrip("0").rstrip(".")
    return f"P{date}" + (f"T{seconds}S" if nanoseconds or not date else "")
