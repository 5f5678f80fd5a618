"""The rows of a Parquet table's versions: their files, as scans and as record batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.formats.tables.datafiles import Part, scan
from headwater.formats.tables.parquet.log import Log, Version
from headwater.formats.tables.partitions import identity_columns
from headwater.formats.tables.swapping import fits
from headwater.spi.codec import FileScan, Rows, ScanFile
from headwater.spi.table import CommitId, Footing, TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["batches_of", "footing", "parts_of", "scan_versions"]


def parts_of(log: Log, versions: Sequence[Version]) -> list[Part]:
    """The data files of some versions."""
    return [
        Part(log.path_of(version, file), file.size, file.partition) for version in versions for file in version.files
    ]


def scan_versions(log: Log, versions: Sequence[Version], columns: Sequence[str] | None) -> Rows:
    """The rows of some versions, in the shape of the last one."""
    spec = versions[-1].spec
    return scan(parts_of(log, versions), spec.schema, identity_columns(spec.schema, spec.partition_by), columns)


def footing(log: Log, spec: TableSpec) -> Footing | None:
    """What a change set of rows of ``spec``, as they are stored, stands on."""
    versions = log.current
    newest = versions[-1].spec
    if spec.partition_by != newest.partition_by or identity_columns(newest.schema, newest.partition_by):
        return None
    files = [(log.path_of(version, file), file) for version in versions for file in version.files]
    if not files or not fits(newest.schema, spec):
        return None
    described = tuple(ScanFile(str(path), file.path, file.size) for path, file in files)
    rows = sum(file.rows for _, file in files)
    return Footing(FileScan("parquet", described, newest.schema), rows, _made_by(log, versions))


def _made_by(log: Log, versions: Sequence[Version]) -> CommitId | None:
    """The commit behind which rows were only compacted, if at all."""
    before = [number for number in log.generations() if number < versions[0].generation]
    for version in reversed(versions):
        if version.operation != "compact":
            return version.commit
    return _made_by(log, log.generation(before[-1])) if before else None


def batches_of(parts: Sequence[Part], spec: TableSpec) -> Iterator[pa.RecordBatch]:
    """The rows of data files as record batches."""
    if parts:
        from headwater.formats.tables.arrowfiles import dataset

        yield from dataset(parts, spec.schema, identity_columns(spec.schema, spec.partition_by)).to_batches()
