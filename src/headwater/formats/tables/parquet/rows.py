"""The rows of a Parquet table's versions: their files, as scans and as record batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.formats.tables.datafiles import Part, scan
from headwater.formats.tables.parquet.log import Log, Version
from headwater.formats.tables.partitions import identity_columns
from headwater.spi.codec import Rows
from headwater.spi.table import TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["batches_of", "parts_of", "scan_versions"]


def parts_of(log: Log, versions: Sequence[Version]) -> list[Part]:
    """The data files of some versions."""
    return [
        Part(log.path_of(version, file), file.size, file.partition) for version in versions for file in version.files
    ]


def scan_versions(log: Log, versions: Sequence[Version], columns: Sequence[str] | None) -> Rows:
    """The rows of some versions, in the shape of the last one."""
    spec = versions[-1].spec
    return scan(parts_of(log, versions), spec.schema, identity_columns(spec.schema, spec.partition_by), columns)


def batches_of(parts: Sequence[Part], spec: TableSpec) -> Iterator[pa.RecordBatch]:
    """The rows of data files as record batches."""
    if parts:
        from headwater.formats.tables.arrowfiles import dataset

        yield from dataset(parts, spec.schema, identity_columns(spec.schema, spec.partition_by)).to_batches()
