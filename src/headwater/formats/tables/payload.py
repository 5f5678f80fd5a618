"""What staging leaves for the commit, as the JSON that outboxes and logs keep.

A committable may be committed by another process, after a crash, long after the
table changed: so everything the commit needs stands in the payload, and what is
read back is checked, for an outbox is a file that can be damaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headwater.errors import TerminalError
from headwater.spec.declarations import PartitionField
from headwater.spi.table import CommitId, TableSpec
from headwater.types import Column, DataType, Json, RelationName, Schema, TypeSyntaxError

__all__ = [
    "commit_from_json",
    "commit_to_json",
    "damaged",
    "schema_from_json",
    "schema_to_json",
    "spec_from_json",
    "spec_to_json",
    "staged_folder",
    "writer_name",
]


def writer_name(id: CommitId) -> str:
    """Who writes, as a table's own log names it; the epoch counts per writer."""
    return f"headwater:{id.relation}:{id.fingerprint}"


def schema_to_json(schema: Schema) -> Json:
    return [{"name": column.name, "type": str(column.type), "nullable": column.nullable} for column in schema]


def schema_from_json(value: Any) -> Schema:
    """Raises KeyError, TypeError or ValueError when the value is not what :func:`schema_to_json` wrote."""
    return Schema(tuple(Column(item["name"], DataType.parse(item["type"]), item["nullable"] is True) for item in value))


def spec_to_json(spec: TableSpec) -> Mapping[str, Json]:
    return {
        "schema": schema_to_json(spec.schema),
        "partition_by": [{"column": field.column, "transform": field.transform} for field in spec.partition_by],
        "renames": dict(spec.renames),
        "description": spec.description,
        "properties": dict(spec.properties),
    }


def spec_from_json(value: Any) -> TableSpec:
    """Raises KeyError, TypeError or ValueError when the value is not what :func:`spec_to_json` wrote."""
    return TableSpec(
        schema=schema_from_json(value["schema"]),
        partition_by=tuple(PartitionField(item["column"], item["transform"]) for item in value["partition_by"]),
        renames=dict(value["renames"]),
        description=value["description"],
        properties=dict(value["properties"]),
    )


def commit_to_json(id: CommitId | None) -> Json:
    return None if id is None else {"relation": str(id.relation), "fingerprint": id.fingerprint, "epoch": id.epoch}


def commit_from_json(value: Any) -> CommitId | None:
    """Raises KeyError, TypeError or ValueError when the value is not what :func:`commit_to_json` wrote."""
    if value is None:
        return None
    return CommitId(RelationName.parse(value["relation"]), str(value["fingerprint"]), int(value["epoch"]))


def staged_folder(value: Any) -> str:
    """The name of a staged folder: nothing else is deleted or published on an outbox's word. Raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]*-?[0-9a-f]{32}", value):
        raise ValueError(f"'{value}' is not the name of a staged folder")
    return value


def damaged(what: str, cause: Exception | None = None) -> TerminalError:
    """The error for a file of a table's log, or an outbox entry, that does not say what it must."""
    match cause:
        case None:
            detail = None
        case TypeSyntaxError():
            detail = str(cause)
        case KeyError():
            detail = f"it lacks {cause}"
        case _:
            detail = str(cause)
    return TerminalError(
        f"{what} is damaged", detail=detail, hint="restore it from a backup, or drop the table and rebuild it"
    )
