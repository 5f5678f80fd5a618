"""Column types as Iceberg's (table spec v2, "Schemas") and back, and the field ids of a table's columns.

A field keeps its id through renames and widenings, and a dropped one's id is
never used again: that is what lets files written under different schemas be
read as one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

import pyarrow as pa
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from headwater.spi.arrow import arrow_type
from headwater.types import Column, DataType, Schema

__all__ = ["arrow_with_ids", "assign_ids", "schema_from_iceberg"]

_plain: Final[Mapping[str, IcebergType]] = {
    "BOOLEAN": BooleanType(),
    "INTEGER": IntegerType(),
    "BIGINT": LongType(),
    "FLOAT": FloatType(),
    "DOUBLE": DoubleType(),
    "VARCHAR": StringType(),
    "BLOB": BinaryType(),
    "UUID": UUIDType(),
    "DATE": DateType(),
    "TIME": TimeType(),
    "TIMESTAMP": TimestampType(),
    "TIMESTAMP WITH TIME ZONE": TimestamptzType(),
}
_names: Final = {str(stored): name for name, stored in _plain.items()}
FIELD_ID: Final = b"PARQUET:field_id"


def assign_ids(
    schema: Schema, current: IcebergSchema | None, renamed: Mapping[str, str], last_id: int
) -> tuple[IcebergSchema, int]:
    """The Iceberg schema of stored columns: known fields keep their ids, others get new ones.

    A column whose type is not one its field can be promoted to is a new field.
    Returns the schema (schema-id 0, to be set by the caller) and the last id used.
    """
    fresh = _Ids(last_id)
    known = {field.name.casefold(): field for field in current.fields} if current else {}
    fields = [
        fresh.field(column, known.get(renamed.get(column.name, column.name).casefold()), not column.nullable)
        for column in schema
    ]
    return IcebergSchema(*fields), fresh.last


class _Ids:
    """Gives out field ids, and keeps those of fields that only changed compatibly."""

    def __init__(self, last_id: int) -> None:
        self.last = last_id
        self._counter = count(last_id + 1)

    def field(self, column: Column, known: NestedField | None, required: bool) -> NestedField:
        if known is not None and not _promotable(known.field_type, column.type):
            known = None
        number = known.field_id if known else self._next()
        stored = self._type(column.type, known.field_type if known else None)
        return NestedField(number, column.name, stored, required=required)

    def _next(self) -> int:
        self.last = next(self._counter)
        return self.last

    def _type(self, type: DataType, known: IcebergType | None) -> IcebergType:
        match type.name:
            case "DECIMAL":
                return DecimalType(*type.arguments)
            case "LIST" if type.element:
                listed = known if isinstance(known, ListType) else None
                element_id = listed.element_id if listed else self._next()
                element = self._type(type.element, listed.element_type if listed else None)
                return ListType(element_id, element, element_required=False)
            case "MAP" if type.key and type.element:
                mapped = known if isinstance(known, MapType) else None
                key_id, value_id = (mapped.key_id, mapped.value_id) if mapped else (self._next(), self._next())
                key = self._type(type.key, mapped.key_type if mapped else None)
                value = self._type(type.element, mapped.value_type if mapped else None)
                return MapType(key_id, key, value_id, value, value_required=False)
            case "STRUCT":
                members = {f.name.casefold(): f for f in known.fields} if isinstance(known, StructType) else {}
                return StructType(*(self.field(f, members.get(f.name.casefold()), False) for f in type.fields))
            case name:
                return _plain[name]


def _promotable(known: IcebergType, wanted: DataType) -> bool:
    """Whether values of a field can be read as the wanted type (table spec, "Schema Evolution")."""
    current = _from_iceberg(known)
    match current.name, wanted.name:
        case ("INTEGER", "BIGINT") | ("FLOAT", "DOUBLE"):
            return True
        case "DECIMAL", "DECIMAL":
            return current.arguments[1] == wanted.arguments[1] and current.arguments[0] <= wanted.arguments[0]
        case "LIST", "LIST" if isinstance(known, ListType) and wanted.element:
            return _promotable(known.element_type, wanted.element)
        case "MAP", "MAP" if isinstance(known, MapType) and wanted.element and wanted.key:
            return _promotable(known.value_type, wanted.element) and current.key == wanted.key
        case "STRUCT", "STRUCT":
            return True
        case _:
            return current == wanted


def schema_from_iceberg(schema: IcebergSchema) -> Schema:
    """The columns of an Iceberg schema. Raises ValueError for a type that headwater does not read."""
    return Schema(tuple(_column(field, not field.required) for field in schema.fields))


def _column(field: NestedField, nullable: bool = True) -> Column:
    return Column(field.name, _from_iceberg(field.field_type), nullable)


def _from_iceberg(stored: IcebergType) -> DataType:
    match stored:
        case DecimalType():
            return DataType("DECIMAL", (stored.precision, stored.scale))
        case ListType():
            return DataType("LIST", element=_from_iceberg(stored.element_type))
        case MapType():
            return DataType("MAP", element=_from_iceberg(stored.value_type), key=_from_iceberg(stored.key_type))
        case StructType():
            return DataType("STRUCT", fields=tuple(_column(field) for field in stored.fields))
        case _:
            if str(stored) not in _names:
                raise ValueError(f"the Iceberg type {stored} is not one that headwater reads")
            return DataType(_names[str(stored)])


def arrow_with_ids(fields: Iterable[NestedField]) -> pa.Schema:
    """The Arrow schema that data files are written in: every field carries its id into the Parquet file."""
    return pa.schema([_arrow_field(field) for field in fields])


def _arrow_field(field: NestedField) -> pa.Field:
    return _with_id(field.name, _arrow_type(field.field_type), field.field_id, not field.required)


def _with_id(name: str, type: pa.DataType, id: int, nullable: bool = True) -> pa.Field:
    return pa.field(name, type, nullable, {FIELD_ID: str(id).encode()})


def _arrow_type(stored: IcebergType) -> pa.DataType:
    match stored:
        case ListType():
            return pa.list_(_with_id("element", _arrow_type(stored.element_type), stored.element_id))
        case MapType():
            key = _with_id("key", _arrow_type(stored.key_type), stored.key_id, nullable=False)
            return pa.map_(key, _with_id("value", _arrow_type(stored.value_type), stored.value_id))
        case StructType():
            return pa.struct([_arrow_field(field) for field in stored.fields])
        case _:
            return arrow_type(_from_iceberg(stored))
