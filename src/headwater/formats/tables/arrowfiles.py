"""Data files by way of Arrow: record batches written into them, and read with the partition values put back.

Apart from the files' description because only this needs pyarrow, which takes
longer to load than a small run lasts: it is the way of everything that an
engine does not write or read itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.formats.tables.datafiles import DataFile, Part, select
from headwater.formats.tables.partitions import (
    Transform,
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
from headwater.types import Schema

if TYPE_CHECKING:
    # Imported where partitions are read: tables without any need neither its time nor its memory.
    import pyarrow.dataset as ds

__all__ = ["dataset", "reshape", "write_data"]

_formats: Final = {"month": "%Y-%m", "hour": "%Y-%m-%d-%H"}


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
        return [_derive(batch.column(at), transform) for at, (_, transform) in zip(positions, transforms, strict=True)]

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


def _derive(array: pa.Array, transform: Transform) -> pa.Array:
    """The partition values of a column: integers for ``year``, dates for ``day``, text for ``month`` and ``hour``."""
    if transform.name == "identity":
        return array
    moments = array.cast(pa.timestamp("us"))
    match transform.name:
        case "year":
            return pc.year(moments).cast(pa.int32())
        case "day":
            return pc.floor_temporal(moments, unit="day").cast(pa.date32())
        case _:
            return pc.strftime(moments, _formats[transform.name])


def _position(schema: Schema, name: str) -> int:
    return [column.casefold() for column in schema.names].index(name.casefold())
