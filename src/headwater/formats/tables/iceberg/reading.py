"""Data files of an Iceberg table as rows: described files where names suffice, pyiceberg where ids matter.

A data file knows its columns by field id. As long as every file has the names
and types that the schema has now, an engine may read them by name, which is
much faster; after a rename or a promotion, older files go through pyiceberg,
which maps ids, until they are compacted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, PyArrowFileIO
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.table import FileScanTask
from pyiceberg.table.metadata import TableMetadataUtil

from headwater.formats.tables.datafiles import select
from headwater.formats.tables.iceberg.metadata import Metadata
from headwater.formats.tables.iceberg.types import FIELD_ID, arrow_with_ids, schema_from_iceberg
from headwater.spi.arrow import arrow_schema, conform
from headwater.spi.codec import FileScan, Rows, ScanFile
from headwater.types import Schema

__all__ = ["Reading", "path_of"]

_io: Final = PyArrowFileIO()


class Reading:
    """Reads files of one table; remembers which schemas' files can be read by name."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, int], bool] = {}

    def rows(
        self,
        metadata: Metadata,
        schema: IcebergSchema,
        files: Sequence[DataFile],
        columns: Sequence[str] | None = None,
        *,
        deletes: bool = False,
    ) -> Rows:
        """Some columns of data files in the shape of a schema of the table."""
        stored = schema_from_iceberg(schema)
        wanted = stored if columns is None else select(stored, columns)
        if not files:
            return arrow_schema(wanted).empty_table()
        if not deletes and self._names_suffice(metadata, schema, files):
            described = (ScanFile(path_of(file), path_of(file), file.file_size_in_bytes) for file in files)
            return FileScan("parquet", tuple(described), wanted)
        return self.batches(metadata, schema, files, wanted)

    def batches(
        self, metadata: Metadata, schema: IcebergSchema, files: Sequence[DataFile], wanted: Schema
    ) -> pa.RecordBatchReader:
        """The same by field id, through pyiceberg."""
        target = arrow_schema(wanted)
        projected = IcebergSchema(*(schema.find_field(column.name) for column in wanted))
        parsed = TableMetadataUtil.parse_obj(dict(metadata))
        scan = ArrowScan(parsed, _io, projected, AlwaysTrue())

        def read() -> Iterator[pa.RecordBatch]:
            for batch in scan.to_record_batches([FileScanTask(file) for file in files]):
                yield conform(batch, target)

        return pa.RecordBatchReader.from_batches(target, read())

    def _names_suffice(self, metadata: Metadata, schema: IcebergSchema, files: Sequence[DataFile]) -> bool:
        known = [IcebergSchema.model_validate(found) for found in metadata["schemas"]]
        if all(_reads_as(found, schema) for found in known):
            return True
        arrow = {field.field_id: arrow_with_ids([field])[0] for field in schema.fields}
        names = {field.name.casefold() for field in schema.fields}
        for file in files:
            key = (path_of(file), hash(tuple(schema.fields)))
            if key not in self._by_name:
                self._by_name[key] = all(_same(found, arrow, names) for found in pq.read_schema(path_of(file)))
            if not self._by_name[key]:
                return False
        return True


def path_of(file: DataFile) -> str:
    """Where a data file lies; other writers name it by a URI."""
    return file.file_path.removeprefix("file://")


def _reads_as(older: IcebergSchema, newer: IcebergSchema) -> bool:
    """Whether files written under ``older`` have, by name, what ``newer`` expects of them."""
    by_id = {field.field_id: field for field in newer.fields}
    by_name = {field.name.casefold(): field for field in newer.fields}
    for field in older.fields:
        same_id, same_name = by_id.get(field.field_id), by_name.get(field.name.casefold())
        if same_id is not same_name:
            return False
        if same_id is not None and same_id.field_type != field.field_type:
            return False
    return True


def _same(found: pa.Field, wanted: dict[int, pa.Field], names: set[str]) -> bool:
    """Whether a file's column is the one of its id, or is none that the schema has."""
    field: Any = wanted.get(int((found.metadata or {}).get(FIELD_ID, b"-1")))
    if field is None:
        return found.name.casefold() not in names
    return bool(found.name == field.name and found.type.equals(field.type))
