"""A table format on the bench: publish rows given as Python values, and read them back.

The conformance suite speaks in these few verbs, so that a case is three lines
and says what it is about.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from headwater.spec.declarations import PartitionField
from headwater.spi.arrow import arrow_schema, conform
from headwater.spi.codec import FileScan, ParquetFile, ParquetTarget, Rows
from headwater.spi.table import (
    CommitId,
    Committable,
    FileStager,
    PublishMode,
    Table,
    TableFormat,
    TableLocation,
    TableSpec,
    TimeTravel,
)
from headwater.types import RelationName, Schema

__all__ = ["Record", "TableBench", "read_rows", "through_json", "write_files"]

Record = dict[str, Any]


@dataclass(slots=True)
class TableBench:
    """One table of one format; ``epoch`` counts what was staged."""

    format: TableFormat
    location: TableLocation
    epoch: int = 0
    fingerprint: str = "f1"

    @staticmethod
    def in_folder(format: TableFormat, folder: Path) -> TableBench:
        return TableBench(format, TableLocation(str(folder / "lake"), RelationName("shop", "orders")))

    @property
    def folder(self) -> Path:
        """Where the built-in formats keep the table."""
        return Path(self.location.lake, self.location.relation.product, self.location.relation.name)

    def open(self) -> Table:
        """A new handle, as another process would have."""
        return self.format.open(self.location)

    def stage(
        self,
        rows: Sequence[Record],
        schema: Mapping[str, str] | Schema,
        mode: PublishMode = PublishMode.APPEND,
        *,
        partition_by: Sequence[str] = (),
        renames: Mapping[str, str] | None = None,
        table: Table | None = None,
        batch_rows: int = 1000,
        drafted: bool = False,
        without: Sequence[str] = (),
    ) -> Committable:
        """Stage an epoch. ``partition_by`` is written as ``origin``, ``day(ts)``, ``bucket[4](id)``.

        ``drafted``: as files that an engine writes, where the table takes such. ``without``: the files that a merge
        takes out.
        """
        self.epoch += 1
        declared = schema if isinstance(schema, Schema) else Schema.of(schema)
        spec = TableSpec(declared, tuple(map(partition_field, partition_by)), renames or {})
        reader = pa.RecordBatchReader.from_batches(arrow_schema(declared), _batches(rows, declared, batch_rows))
        commit_id = CommitId(self.location.relation, self.fingerprint, self.epoch)
        opened = table or self.open()
        if drafted and isinstance(opened, FileStager):
            draft = opened.draft(spec, commit_id, mode)
            if draft is not None:
                sealed = opened.seal(draft, write_files(reader.read_all(), draft.target))
                return through_json(replace(sealed, without=tuple(without)))
        return through_json(replace(opened.stage(reader, spec, commit_id, mode), without=tuple(without)))

    def publish(self, rows: Sequence[Record], schema: Mapping[str, str] | Schema, *args: Any, **options: Any) -> int:
        """Stage and commit an epoch; returns the version it made."""
        table = options.pop("table", None) or self.open()
        assert table.commit(self.stage(rows, schema, *args, table=table, **options))
        version = table.version()
        assert version is not None
        return int(version)

    def rows(self, at: TimeTravel | None = None, columns: Sequence[str] | None = None) -> list[Record]:
        """The content that a new handle sees, in the order of its first column."""
        return in_order(read_rows(self.open().scan(at=at, columns=columns)))


def write_files(rows: pa.Table, target: ParquetTarget) -> tuple[ParquetFile, ...]:
    """What an engine does with a draft's target; no rows make no file."""
    if not rows.num_rows:
        return ()
    path = Path(target.folder) / f"{uuid.uuid4()}.parquet"
    path.parent.mkdir(parents=True)
    ids = {name: {b"PARQUET:field_id": str(number).encode()} for name, number in target.field_ids.items()}
    wanted = pa.schema([field.with_metadata(ids.get(field.name)) for field in arrow_schema(target.schema)])
    batches = [conform(batch, wanted) for batch in rows.to_batches()]
    pq.write_table(pa.Table.from_batches(batches, wanted), path, compression=target.compression, store_schema=False)
    return (ParquetFile(path.name, path.stat().st_size, rows.num_rows),)


def partition_field(text: str) -> PartitionField:
    """``day(ts)`` as the field it declares."""
    transform, bracket, column = text.partition("(")
    return PartitionField(column.removesuffix(")"), transform) if bracket else PartitionField(text)


def read_rows(rows: Rows | None) -> list[Record]:
    """What an engine would make of rows: files by their schema (absent columns NULL), everything else as it is."""
    match rows:
        case None:
            return []
        case FileScan():
            schema = None if rows.schema is None else arrow_schema(rows.schema)
            found = ds.dataset([file.path for file in rows.files], schema=schema, format="parquet").to_table()
        case ds.Dataset():
            found = rows.to_table()
        case pa.RecordBatchReader():
            found = rows.read_all()
        case _:
            found = rows
    records: list[Record] = found.to_pylist()
    return records


def in_order(rows: Sequence[Record]) -> list[Record]:
    """Rows by their first column, NULL first: tables are bags."""
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row.values()][:1])


def through_json(committable: Committable) -> Committable:
    """The committable as an outbox gives it back; fails when its payload is not plain JSON."""
    payload = json.loads(json.dumps(committable.payload, allow_nan=False))
    return replace(committable, payload=payload)


def _batches(rows: Sequence[Record], schema: Schema, size: int) -> Iterator[pa.RecordBatch]:
    wanted = arrow_schema(schema)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        arrays = {field.name: _array([row.get(field.name) for row in part], field.type) for field in wanted}
        yield conform(pa.RecordBatch.from_pydict(arrays), wanted)


def _array(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    if type == pa.uuid():
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values, type)
