"""Column types as Delta's schema JSON and back (Delta protocol, "Schema Serialization Format").

Partition values that are derived (``day(departed_at)``) are generated columns
of the Delta table: other readers see and prune by them, headwater hides them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from headwater.formats.tables.partitions import field_name
from headwater.formats.tables.schemas import Storable
from headwater.spec.declarations import PartitionField
from headwater.types import Column, DataType, Json, Schema

__all__ = ["derived_partitions", "schema_from_delta", "schema_to_delta", "storable"]

storable: Final = Storable(
    "delta",
    instead={
        "UTINYINT": "SMALLINT",
        "USMALLINT": "INTEGER",
        "UINTEGER": "BIGINT",
        "UBIGINT": "DECIMAL(20,0)",
        "UUID": "VARCHAR",
        "TIMESTAMP_NS": "TIMESTAMP",
    },
    refused=frozenset({"TIME"}),
)

_names: Final = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_types: Final = {stored: name for name, stored in _names.items()}
_generation: Final = {
    "year": ("integer", "YEAR({})"),
    "month": ("string", "DATE_FORMAT({}, 'yyyy-MM')"),
    "day": ("date", "CAST({} AS DATE)"),
    "hour": ("string", "DATE_FORMAT({}, 'yyyy-MM-dd-HH')"),
}
DERIVED: Final = "headwater.partition"


def schema_to_delta(schema: Schema, partition_by: Sequence[PartitionField]) -> Json:
    """The schema JSON, derived partition columns last."""
    fields: list[Json] = [_field(column.name, _to_delta(column.type), {}) for column in schema]
    for field in partition_by:
        if field.transform != "identity":
            type_name, expression = _generation[field.transform]
            column = f"`{field.column.replace('`', '``')}`"
            metadata = {DERIVED: field.transform, f"{DERIVED}.column": field.column}
            metadata["delta.generationExpression"] = expression.format(column)
            fields.append(_field(field_name(field), type_name, metadata))
    return {"type": "struct", "fields": fields}


def schema_from_delta(text: str) -> Schema:
    """The columns of a schema JSON without the derived ones. Raises KeyError, TypeError or ValueError when damaged."""
    fields = json.loads(text)["fields"]
    return Schema(tuple(_column(field) for field in fields if DERIVED not in field["metadata"]))


def derived_partitions(text: str) -> dict[str, PartitionField]:
    """The derived partition columns of a schema JSON: their names, and what they are derived from."""
    return {
        field["name"]: PartitionField(field["metadata"][f"{DERIVED}.column"], field["metadata"][DERIVED])
        for field in json.loads(text)["fields"]
        if DERIVED in field["metadata"]
    }


def _field(name: str, type: Json, metadata: dict[str, str]) -> Json:
    return {"name": name, "type": type, "nullable": True, "metadata": dict(metadata)}


def _to_delta(type: DataType) -> Json:
    match type.name:
        case "DECIMAL":
            return f"decimal({type.arguments[0]},{type.arguments[1]})"
        case "LIST" if type.element:
            return {"type": "array", "elementType": _to_delta(type.element), "containsNull": True}
        case "MAP" if type.key and type.element:
            key, value = _to_delta(type.key), _to_delta(type.element)
            return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
        case "STRUCT":
            return {"type": "struct", "fields": [_field(f.name, _to_delta(f.type), {}) for f in type.fields]}
        case name:
            return _names[name]


def _column(field: Any) -> Column:
    return Column(field["name"], _from_delta(field["type"]), field["nullable"])


def _from_delta(value: Any) -> DataType:
    if isinstance(value, str):
        if value.startswith("decimal"):
            return DataType.parse(value)
        return DataType(_types[value])
    match value["type"]:
        case "array":
            return DataType("LIST", element=_from_delta(value["elementType"]))
        case "map":
            return DataType("MAP", element=_from_delta(value["valueType"]), key=_from_delta(value["keyType"]))
        case "struct":
            members = (Column(field["name"], _from_delta(field["type"])) for field in value["fields"])
            return DataType("STRUCT", fields=tuple(members))
        case other:
            raise ValueError(f"'{other}' is not a type")
