"""Rows in and out of a Parquet table's files: staging by partition, and scans of versions.

Identity partition columns stand in the paths and not in the files, as Hive and
Spark have it, so that partitioned readers see every column once; derived
partition values (``departed_at_day=2013-01-31``) stand in the paths only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from headwater.errors import UsageError, did_you_mean
from headwater.formats.tables.parquet.log import DataFile, Log, Version
from headwater.formats.tables.partitions import derive, field_name, hive_path, hive_text, parse_transform
from headwater.formats.tables.staging import TARGET_FILE_BYTES, Layout, write_files
from headwater.spec.declarations import PartitionField
from headwater.spi.arrow import arrow_schema, conform
from headwater.spi.codec import FileScan, Rows, ScanFile
from headwater.spi.table import TableSpec
from headwater.types import Schema

__all__ = ["dataset", "identity_columns", "scan_versions", "select", "write_data"]


def write_data(
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    schema: Schema,
    partition_by: Sequence[PartitionField],
    *,
    target_bytes: int = TARGET_FILE_BYTES,
) -> list[DataFile]:
    """Write rows of ``schema`` below ``folder`` and return the files, their paths relative to it."""
    wanted = arrow_schema(schema)
    transforms = [(field, parse_transform(field, schema)) for field in partition_by]
    names = [field_name(field) for field in partition_by]
    positions = [_position(schema, field.column) for field in partition_by]
    in_paths = set(identity_columns(schema, partition_by))

    def keys(batch: pa.RecordBatch) -> list[pa.Array]:
        return [derive(batch.column(at), transform) for at, (_, transform) in zip(positions, transforms, strict=True)]

    layout = Layout(
        folder=folder,
        columns=pa.schema([field for field in wanted if field.name not in in_paths]),
        keys=keys,
        subfolder=lambda key: hive_path(names, key),
        target_bytes=target_bytes,
    )
    written = write_files((conform(batch, wanted) for batch in batches), layout)
    return [
        DataFile(
            file.path,
            file.size,
            file.rows,
            {name: None if value is None else hive_text(value) for name, value in zip(names, file.key, strict=True)},
        )
        for file in written
    ]


def identity_columns(schema: Schema, partition_by: Sequence[PartitionField]) -> list[str]:
    """The columns, as the schema spells them, whose values stand in paths only."""
    identities = {field.column.casefold() for field in partition_by if field.transform == "identity"}
    return [column.name for column in schema if column.name.casefold() in identities]


def scan_versions(log: Log, versions: Sequence[Version], columns: Sequence[str] | None) -> Rows:
    """The rows of some versions, in the shape of the last one."""
    spec = versions[-1].spec
    schema = spec.schema if columns is None else select(spec.schema, columns)
    files = [(log.path_of(version, file), file) for version in versions for file in version.files]
    if not files:
        return arrow_schema(schema).empty_table()
    if identity_columns(spec.schema, spec.partition_by):
        return dataset(files, spec, schema)
    return FileScan("parquet", tuple(ScanFile(str(path), str(path), file.size) for path, file in files), schema)


def dataset(files: Sequence[tuple[Path, DataFile]], spec: TableSpec, schema: Schema) -> ds.Dataset:
    """Files of a table as a dataset of some of its columns; what stands in paths only is filled in."""
    parquet, system = ds.ParquetFileFormat(), LocalFileSystem()
    in_paths = identity_columns(spec.schema, spec.partition_by)
    wanted = arrow_schema(spec.schema)
    fragments = [
        parquet.make_fragment(str(path), system, _expression(file, in_paths, wanted), file_size=file.size)
        for path, file in files
    ]
    return ds.FileSystemDataset(fragments, arrow_schema(schema), parquet, system)


def select(schema: Schema, columns: Sequence[str]) -> Schema:
    """The named columns, in the order asked for; UsageError when one does not exist."""
    found = []
    for name in columns:
        column = schema.get(name)
        if column is None:
            raise UsageError(f"the table has no column {name}", hint=did_you_mean(name, schema.names))
        found.append(column)
    return Schema(tuple(found))


def _expression(file: DataFile, in_paths: Sequence[str], schema: pa.Schema) -> ds.Expression:
    """What the path says about every row of a file."""
    expression = ds.scalar(True)
    for name in in_paths:
        field, text = schema.field(name), file.partition[name]
        if text is None:
            expression &= ds.field(name).is_null()
        else:
            value = conform(pa.record_batch({name: [text]}), pa.schema([field])).column(0)[0]
            expression &= ds.field(name) == value
    return expression


def _position(schema: Schema, name: str) -> int:
    return [column.casefold() for column in schema.names].index(name.casefold())
