"""Data files whose partition values stand outside: written, and handed to engines.

Parquet and Delta keep the values of identity partition columns outside the
files, in paths or in the log, so that partitioned readers see every column
once. An engine that decodes files itself would miss them; such tables are
handed over as a pyarrow dataset with one expression a file, which engines push
filters and projections into all the same. All others are described files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.errors import UsageError, did_you_mean
from headwater.formats.tables.partitions import (
    derive,
    field_name,
    hive_path,
    hive_text,
    identity_columns,
    parse_transform,
)
from headwater.formats.tables.schemas import Evolution
from headwater.formats.tables.staging import TARGET_FILE_BYTES, Layout, WrittenFile, write_files
from headwater.spec.declarations import PartitionField
from headwater.spi.arrow import arrow_schema, arrow_type, conform
from headwater.spi.codec import FileScan, Rows, ScanFile
from headwater.types import Json, Schema

if TYPE_CHECKING:
    # Imported where partitions are read: tables without any need neither its time nor its memory.
    import pyarrow.dataset as ds

__all__ = ["DataFile", "Part", "dataset", "reshape", "scan", "select", "write_data"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file as logs and outboxes keep it.

    ``path`` is relative to the folder it was written in, ``partition`` maps
    partition names, columns or derived ones, to their values' text.
    """

    path: str
    size: int
    rows: int
    partition: Mapping[str, str | None] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {"path": self.path, "size": self.size, "rows": self.rows, "partition": dict(self.partition)}

    @staticmethod
    def from_json(value: Any) -> DataFile:
        return DataFile(str(value["path"]), int(value["size"]), int(value["rows"]), dict(value["partition"]))


@dataclass(frozen=True, slots=True)
class Part:
    """A data file to be read, with its partition as in :class:`DataFile`."""

    path: Path
    size: int
    partition: Mapping[str, str | None] = field(default_factory=dict)


def write_data(
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    schema: Schema,
    partition_by: Sequence[PartitionField],
    *,
    target_bytes: int = TARGET_FILE_BYTES,
    compression: str = "zstd",
) -> list[tuple[DataFile, pq.FileMetaData]]:
    """Write rows of ``schema`` below ``folder``; returns the files with their Parquet footers.

    Partition values stand outside the files, in a log and in the folders' names.
    """
    wanted = arrow_schema(schema)
    transforms = [(field, parse_transform(field, schema)) for field in partition_by]
    names = [field_name(field) for field in partition_by]
    positions = [_position(schema, field.column) for field in partition_by]
    outside = set(identity_columns(schema, partition_by))

    def keys(batch: pa.RecordBatch) -> list[pa.Array]:
        return [derive(batch.column(at), transform) for at, (_, transform) in zip(positions, transforms, strict=True)]

    layout = Layout(
        folder=folder,
        columns=pa.schema([field for field in wanted if field.name not in outside]),
        keys=keys,
        subfolder=lambda key: hive_path(names, key),
        compression=compression,
        target_bytes=target_bytes,
    )
    written = write_files((conform(batch, wanted) for batch in batches), layout)
    return [(_data_file(file, names), file.footer) for file in written]


def _data_file(file: WrittenFile, names: Sequence[str]) -> DataFile:
    texts = (None if value is None else hive_text(value) for value in file.key)
    return DataFile(file.path, file.size, file.rows, dict(zip(names, texts, strict=True)))


def scan(parts: Sequence[Part], schema: Schema, outside: Sequence[str], columns: Sequence[str] | None = None) -> Rows:
    """Some columns of data files; ``outside`` names the columns that are not in the files."""
    wanted = schema if columns is None else select(schema, columns)
    if not parts:
        return arrow_schema(wanted).empty_table()
    if outside:
        return dataset(parts, schema, outside, columns)
    return FileScan("parquet", tuple(ScanFile(str(part.path), str(part.path), part.size) for part in parts), wanted)


def dataset(
    parts: Sequence[Part], schema: Schema, outside: Sequence[str], columns: Sequence[str] | None = None
) -> ds.Dataset:
    """The same as a pyarrow dataset; columns that a file lacks are NULL."""
    import pyarrow.dataset as ds
    from pyarrow.fs import LocalFileSystem

    wanted = schema if columns is None else select(schema, columns)
    parquet, system = ds.ParquetFileFormat(), LocalFileSystem()
    fields = [arrow_schema(schema).field(name) for name in outside]
    fragments = [
        parquet.make_fragment(str(part.path), system, _expression(part, fields), file_size=part.size) for part in parts
    ]
    return ds.FileSystemDataset(fragments, arrow_schema(wanted), parquet, system)


def reshape(batch: pa.RecordBatch, current: Schema, evolution: Evolution) -> pa.RecordBatch:
    """Rows of the schema before an evolution with the columns they have after it."""
    old_names = evolution.renamed or {}
    columns = {}
    for column in evolution.schema:
        known = current.get(old_names.get(column.name, column.name))
        columns[column.name] = (
            pa.nulls(batch.num_rows, arrow_type(column.type)) if known is None else batch.column(known.name)
        )
    return pa.RecordBatch.from_pydict(columns)


def select(schema: Schema, columns: Sequence[str]) -> Schema:
    """The named columns, in the order asked for; UsageError when one does not exist."""
    found = []
    for name in columns:
        column = schema.get(name)
        if column is None:
            raise UsageError(f"the table has no column {name}", hint=did_you_mean(name, schema.names))
        found.append(column)
    return Schema(tuple(found))


def _expression(part: Part, fields: Sequence[pa.Field]) -> ds.Expression:
    """What is known of every row of a file without opening it."""
    import pyarrow.dataset as ds

    expression = ds.scalar(True)
    for field_ in fields:
        text = part.partition[field_.name]
        if text is None:
            expression &= ds.field(field_.name).is_null()
        else:
            values = conform(pa.record_batch({field_.name: [text]}), pa.schema([field_]))
            expression &= ds.field(field_.name) == values.column(0)[0]
    return expression


def _position(schema: Schema, name: str) -> int:
    return [column.casefold() for column in schema.names].index(name.casefold())
