"""The actions of a Delta log entry, as JSON (Delta protocol, "Actions").

They are written by us, not by delta-rs, because one entry has to hold all of an
epoch: the transaction id, new rows, and the schema they need. delta-rs offers
that only for rows it writes itself, at once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from headwater.formats.tables.datafiles import DataFile
from headwater.formats.tables.delta.types import schema_to_delta
from headwater.formats.tables.partitions import field_name
from headwater.formats.tables.payload import commit_to_json
from headwater.spi.table import CommitId, TableSpec
from headwater.types import DataType, Json, Schema
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = [
    "Protocol",
    "add",
    "commit_info",
    "entry",
    "metadata",
    "needed_protocol",
    "remove",
    "statistics",
    "transaction",
]

STATISTICS_COLUMNS: Final = 32
LONGEST_TEXT: Final = 64


def entry(actions: Iterable[Mapping[str, Json]]) -> bytes:
    """Actions as a log entry: one JSON object a line."""
    return b"".join(json.dumps(action, ensure_ascii=False).encode() + b"\n" for action in actions)


def commit_info(operation: str, id: CommitId | None, rows: int | None, at: datetime) -> Mapping[str, Json]:
    """What a commit did; ``rows`` is the table's number of rows after it."""
    kinds = {"append": "Append", "rewrite": "Overwrite", "replace": "Overwrite"}
    delta_operation = {"compact": "OPTIMIZE", "merge": "MERGE"}.get(operation, "WRITE")
    info: dict[str, Json] = {
        "timestamp": int(at.timestamp() * 1000),
        "operation": delta_operation,
        "operationParameters": {"mode": kinds[operation]} if operation in kinds else {},
        "isBlindAppend": operation == "append",
        "engineInfo": "headwater",
        "headwater": {"operation": operation, "commit": commit_to_json(id), "rows": rows, "at": at.isoformat()},
    }
    return {"commitInfo": info}


def transaction(writer: str, epoch: int) -> Mapping[str, Json]:
    return {"txn": {"appId": writer, "version": epoch, "lastUpdated": int(time.time() * 1000)}}


@frozen
class Protocol:
    """A table's protocol versions and features."""

    reader: int
    writer: int
    reader_features: frozenset[str] = frozenset()
    writer_features: frozenset[str] = frozenset()

    @property
    def implied(self) -> frozenset[str]:
        """The writer features, those a version below 7 stands for included."""
        legacy = {"appendOnly", "invariants"} if 2 <= self.writer < 7 else set()
        legacy |= {"checkConstraints", "changeDataFeed", "generatedColumns"} if 4 <= self.writer < 7 else set()
        return self.writer_features | legacy

    def to_action(self) -> Mapping[str, Json]:
        action: dict[str, Json] = {"minReaderVersion": self.reader, "minWriterVersion": self.writer}
        if self.reader >= 3:
            action["readerFeatures"] = [*sorted(self.reader_features)]
        if self.writer >= 7:
            action["writerFeatures"] = [*sorted(self.writer_features)]
        return {"protocol": action}


def needed_protocol(spec: TableSpec, current: Protocol | None) -> Protocol:
    """The lowest protocol that covers the table's columns and what the table already needs."""
    known = current or Protocol(1, 2)
    reader = frozenset({"timestampNtz"} if any(_holds(column.type, "TIMESTAMP") for column in spec.schema) else ())
    derived = any(field.transform != "identity" for field in spec.partition_by)
    writer = reader | (frozenset({"generatedColumns"}) if derived else frozenset())
    if writer <= known.implied:
        return known
    if not reader and known.writer < 7:
        return replace(known, writer=4)
    implied = known.implied if current is not None else frozenset()
    return Protocol(3, 7, known.reader_features | reader, implied | writer)


def metadata(spec: TableSpec, table_id: str, name: str) -> Mapping[str, Json]:
    """The table's schema, partitioning and properties."""
    return {
        "metaData": {
            "id": table_id,
            "name": name,
            "description": spec.description,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps(schema_to_delta(spec.schema, spec.partition_by)),
            "partitionColumns": [field_name(field) for field in spec.partition_by],
            "createdTime": int(time.time() * 1000),
            "configuration": dict(spec.properties),
        }
    }


def add(file: DataFile, folder: str, stats: str | None, *, data_change: bool = True) -> Mapping[str, Json]:
    """``folder`` is relative to the table; in the log, paths are URIs."""
    return {
        "add": {
            "path": quote(f"{folder}/{file.path}", safe="/="),
            "partitionValues": dict(file.partition),
            "size": file.size,
            "modificationTime": int(time.time() * 1000),
            "dataChange": data_change,
            "stats": stats,
        }
    }


def remove(path: str, size: int, partition: Mapping[str, str | None], *, data_change: bool) -> Mapping[str, Json]:
    return {
        "remove": {
            "path": path,
            "deletionTimestamp": int(time.time() * 1000),
            "dataChange": data_change,
            "extendedFileMetadata": True,
            "partitionValues": dict(partition),
            "size": size,
        }
    }


def statistics(footer: pq.FileMetaData, schema: Schema) -> str:
    """A file's statistics as Delta keeps them: rows, and minimum, maximum and NULLs of the first plain columns."""
    lowest: dict[str, Json] = {}
    highest: dict[str, Json] = {}
    nulls: dict[str, Json] = {}
    positions = {footer.schema.column(index).path: index for index in range(footer.num_columns)}
    for name in [column.name for column in schema if column.name in positions][:STATISTICS_COLUMNS]:
        groups = [footer.row_group(group).column(positions[name]).statistics for group in range(footer.num_row_groups)]
        if any(group is None or not group.has_null_count for group in groups):
            continue
        nulls[name] = sum(group.null_count for group in groups)
        bounds = _bounds([group for group in groups if group.num_values])
        if bounds is not None:
            lowest[name], highest[name] = bounds
    value = {"numRecords": footer.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls}
    return json.dumps(value, ensure_ascii=False)


def _bounds(groups: Sequence[Any]) -> tuple[Json, Json] | None:
    """Minimum and maximum as JSON that excludes no row; None when there is no such form."""
    try:
        if not groups or not all(group.has_min_max for group in groups):
            return None
        low, high = min(group.min for group in groups), max(group.max for group in groups)
    except (ValueError, OverflowError):  # a moment outside of what Python can say
        return None
    if isinstance(low, datetime):
        return _moments(low, high)
    if isinstance(low, date):
        return low.isoformat(), high.isoformat()
    plain = (
        (isinstance(low, int) and not isinstance(low, bool))
        or (isinstance(low, float) and math.isfinite(low) and math.isfinite(high))
        or (isinstance(low, str) and max(len(low), len(high)) <= LONGEST_TEXT)
    )
    return (low, high) if plain else None


def _moments(low: datetime, high: datetime) -> tuple[Json, Json] | None:
    """Whole milliseconds, as Delta keeps them, rounded outwards."""
    if high.year == 9999:
        return None
    zone = "" if low.tzinfo is None else "Z"
    higher = high + timedelta(microseconds=999)
    moments = (moment if moment.tzinfo is None else moment.astimezone(UTC) for moment in (low, higher))
    first, last = (moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + zone for moment in moments)
    return first, last


def _holds(type: DataType, name: str) -> bool:
    inner = [type.element, type.key, *(field.type for field in type.fields)]
    return type.name == name or any(_holds(member, name) for member in inner if member is not None)
