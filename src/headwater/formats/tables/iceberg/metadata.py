"""A table's metadata file as a value: each function yields the next state (table spec v2, "Table Metadata").

pyiceberg's own update path copies the whole metadata a dozen times for every
commit, which makes the thousandth commit ten times as slow as the first; the
metadata is therefore kept as the JSON it is, and only what changed is touched.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from pyiceberg.partitioning import PartitionField as IcebergPartitionField
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.transforms import parse_transform

from headwater.errors import TerminalError
from headwater.formats.tables.partitions import field_name
from headwater.formats.tables.payload import commit_from_json, damaged, writer_name
from headwater.spec.declarations import PartitionField
from headwater.spi.table import CommitId, TableVersion

__all__ = [
    "Metadata",
    "create",
    "current_schema",
    "current_snapshot",
    "current_spec",
    "epoch_of",
    "partition_fields",
    "read",
    "to_version",
    "with_properties",
    "with_schema",
    "with_snapshot",
    "with_spec",
    "without_snapshots",
]

Metadata: TypeAlias = Mapping[str, Any]
FIRST_PARTITION_ID: Final = 1000
EPOCH: Final = "headwater.epoch."


def read(path: Path) -> Metadata:
    """Read a metadata file. Raises TerminalError when it is damaged or of another format version."""
    try:
        value = json.loads(path.read_bytes())
        version = value["format-version"]
        value["schemas"], value["partition-specs"], value["snapshots"] = (
            list(value["schemas"]),
            list(value["partition-specs"]),
            list(value.get("snapshots", ())),
        )
    except FileNotFoundError as error:
        raise damaged(str(path), ValueError("it is missing")) from error
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(str(path), error) from error
    if version != 2:
        raise TerminalError(
            f"{path} is of Iceberg format version {version}", detail="headwater reads and writes version 2"
        )
    return dict(value)


def create(location: str, schema: IcebergSchema, last_id: int, spec: PartitionSpec) -> Metadata:
    """The metadata of a table that has no snapshot yet."""
    return {
        "format-version": 2,
        "table-uuid": str(uuid.uuid4()),
        "location": location,
        "last-sequence-number": 0,
        "last-updated-ms": 0,
        "last-column-id": last_id,
        "schemas": [_schema_json(schema, 0)],
        "current-schema-id": 0,
        "partition-specs": [_spec_json(spec)],
        "default-spec-id": 0,
        "last-partition-id": max(spec.last_assigned_field_id, FIRST_PARTITION_ID - 1),
        "properties": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
        "sort-orders": [{"order-id": 0, "fields": []}],
        "default-sort-order-id": 0,
        "refs": {},
        "statistics": [],
        "partition-statistics": [],
    }


def current_schema(metadata: Metadata) -> IcebergSchema:
    return schema_by_id(metadata, metadata["current-schema-id"])


def schema_by_id(metadata: Metadata, id: int) -> IcebergSchema:
    found = next(schema for schema in metadata["schemas"] if schema["schema-id"] == id)
    return IcebergSchema.model_validate(found)


def current_spec(metadata: Metadata) -> PartitionSpec:
    return specs(metadata)[metadata["default-spec-id"]]


def specs(metadata: Metadata) -> Mapping[int, PartitionSpec]:
    """All partition specs by their ids: files keep the one they were written with."""
    return {spec["spec-id"]: PartitionSpec.model_validate(spec) for spec in metadata["partition-specs"]}


def current_snapshot(metadata: Metadata) -> Mapping[str, Any] | None:
    current = metadata.get("current-snapshot-id")
    return next((s for s in reversed(metadata["snapshots"]) if s["snapshot-id"] == current), None)


def with_schema(metadata: Metadata, schema: IcebergSchema, last_id: int) -> Metadata:
    """The same table with a schema, which is new unless it is the current one."""
    if schema.fields == current_schema(metadata).fields:
        return metadata
    schema_id = 1 + max(known["schema-id"] for known in metadata["schemas"])
    return {
        **metadata,
        "schemas": [*metadata["schemas"], _schema_json(schema, schema_id)],
        "current-schema-id": schema_id,
        "last-column-id": max(last_id, metadata["last-column-id"]),
    }


def with_spec(metadata: Metadata, partition_by: Sequence[PartitionField]) -> Metadata:
    """The same table, new files partitioned by these fields of its current schema."""
    schema = current_schema(metadata)
    spec = partition_spec(partition_by, schema, current_spec(metadata), metadata["last-partition-id"])
    for known in specs(metadata).values():
        if known.fields == spec.fields:
            return {**metadata, "default-spec-id": known.spec_id}
    numbered = PartitionSpec(*spec.fields, spec_id=1 + max(specs(metadata)))
    return {
        **metadata,
        "partition-specs": [*metadata["partition-specs"], _spec_json(numbered)],
        "default-spec-id": numbered.spec_id,
        "last-partition-id": max(metadata["last-partition-id"], numbered.last_assigned_field_id),
    }


def partition_spec(
    partition_by: Sequence[PartitionField],
    schema: IcebergSchema,
    current: PartitionSpec | None = None,
    last_id: int = FIRST_PARTITION_ID - 1,
) -> PartitionSpec:
    """A partition spec (id 0, to be set by the caller); fields that ``current`` has keep their ids."""
    known = {(field.source_id, str(field.transform)): field for field in current.fields} if current else {}
    fields = []
    for wanted in partition_by:
        source = schema.find_field(wanted.column, case_sensitive=False)
        field = known.get((source.field_id, wanted.transform))
        if field is None:
            last_id += 1
        number = last_id if field is None else field.field_id
        transform = parse_transform(wanted.transform)
        fields.append(IcebergPartitionField(source.field_id, number, transform, field_name(wanted)))
    return PartitionSpec(*fields)


def partition_fields(metadata: Metadata) -> tuple[PartitionField, ...]:
    """The current partitioning as it is declared."""
    schema, spec = current_schema(metadata), current_spec(metadata)
    return tuple(PartitionField(schema.find_column_name(f.source_id) or f.name, str(f.transform)) for f in spec.fields)


def with_properties(metadata: Metadata, properties: Mapping[str, str]) -> Metadata:
    return {**metadata, "properties": {**metadata["properties"], **properties}}


def with_snapshot(
    metadata: Metadata, id: int, manifest_list: str, summary: Mapping[str, str], at: datetime
) -> Metadata:
    """The table after a commit: a snapshot on top of the current one."""
    now = max(int(at.timestamp() * 1000), metadata["last-updated-ms"])
    snapshot = {
        "snapshot-id": id,
        "sequence-number": metadata["last-sequence-number"] + 1,
        "timestamp-ms": now,
        "manifest-list": manifest_list,
        "summary": dict(summary),
        "schema-id": metadata["current-schema-id"],
    }
    parent = metadata.get("current-snapshot-id")
    if parent is not None:
        snapshot["parent-snapshot-id"] = parent
    return {
        **metadata,
        "last-sequence-number": snapshot["sequence-number"],
        "last-updated-ms": now,
        "current-snapshot-id": id,
        "snapshots": [*metadata["snapshots"], snapshot],
        "snapshot-log": [*metadata.get("snapshot-log", ()), {"snapshot-id": id, "timestamp-ms": now}],
        "refs": {**metadata.get("refs", {}), "main": {"snapshot-id": id, "type": "branch"}},
    }


def without_snapshots(metadata: Metadata, ids: frozenset[int], at: datetime) -> Metadata:
    """The table with some versions forgotten."""
    return {
        **metadata,
        "last-updated-ms": max(int(at.timestamp() * 1000), metadata["last-updated-ms"]),
        "snapshots": [snapshot for snapshot in metadata["snapshots"] if snapshot["snapshot-id"] not in ids],
        "snapshot-log": [entry for entry in metadata.get("snapshot-log", ()) if entry["snapshot-id"] not in ids],
    }


def epoch_property(id: CommitId) -> str:
    """The table property that holds a writer's newest epoch: unlike a snapshot, it never expires."""
    return EPOCH + writer_name(id).removeprefix("headwater:")


def epoch_of(metadata: Metadata, id: CommitId) -> int | None:
    value = metadata["properties"].get(epoch_property(id))
    return None if value is None else int(value)


def to_version(snapshot: Mapping[str, Any]) -> TableVersion:
    """A snapshot as a version: its number is the sequence number."""
    summary = snapshot.get("summary", {})
    commit = None
    if "headwater.relation" in summary:
        commit = commit_from_json(
            {
                "relation": summary["headwater.relation"],
                "fingerprint": summary["headwater.fingerprint"],
                "epoch": summary["headwater.epoch"],
            }
        )
    rows = summary.get("total-records")
    return TableVersion(
        number=snapshot["sequence-number"],
        committed_at=moment_of(snapshot),
        operation=summary.get("headwater.operation") or summary.get("operation", "unknown"),
        rows=None if rows is None else int(rows),
        commit=commit,
    )


def moment_of(snapshot: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=snapshot["timestamp-ms"])


def _schema_json(schema: IcebergSchema, id: int) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(schema.model_dump_json())
    return {**value, "schema-id": id}


def _spec_json(spec: PartitionSpec) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(spec.model_dump_json())
    return value
