"""Feeding records that Python has cut to DuckDB, as Arrow batches.

Apart because both careful decoders do it, and because an error raised while
DuckDB reads would reach the caller as DuckDB's own: here it is kept and raised again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headwater.engines.duckdb.work import WorkRelations
from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["batch_records", "fed"]

batch_records = 20_000
"""Records of a batch: large enough for DuckDB, small enough for the memory of their Python values."""


@contextmanager
def fed(
    work: WorkRelations, name: str, schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch]
) -> Iterator[None]:
    """Make batches readable once under ``name`` while the block runs."""
    import pyarrow

    failures: list[HeadwaterError] = []

    def kept() -> Iterator[pyarrow.RecordBatch]:
        try:
            yield from batches
        except HeadwaterError as error:
            failures.append(error)
            raise

    work.register(name, pyarrow.RecordBatchReader.from_batches(schema, kept()))
    try:
        yield
    except HeadwaterError as error:
        if failures:
            raise failures[0] from error
        raise
    work.drop(name)
