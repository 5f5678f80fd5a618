"""Column types of ODCS properties.

Apart from the contract reader because the mapping is a table of its own:
``physicalType`` decides when it reads as a type of the authoring dialect,
else ``logicalType`` with its options, as the standard describes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from headwater.types import Column, DataType, Json, TypeSyntaxError

__all__ = ["column_type", "logical_type_of"]

_simple: Final[Mapping[str, str]] = {
    "string": "VARCHAR",
    "date": "DATE",
    "time": "TIME",
    "boolean": "BOOLEAN",
}
_integers: Final[Mapping[str, str]] = {
    "i8": "TINYINT",
    "i16": "SMALLINT",
    "i32": "INTEGER",
    "i64": "BIGINT",
    "i128": "HUGEINT",
    "u8": "UTINYINT",
    "u16": "USMALLINT",
    "u32": "UINTEGER",
    "u64": "UBIGINT",
    "u128": "UHUGEINT",
}
_numbers: Final[Mapping[str, str]] = {"f32": "FLOAT", "f64": "DOUBLE"}
_elements: Final[Mapping[str, str]] = {
    "bfloat16": "FLOAT",
    "float16": "FLOAT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "int8": "TINYINT",
    "uint8": "UTINYINT",
    "binary": "BOOLEAN",
}
_known: Final = frozenset(
    {"BOOLEAN", "VARCHAR", "BLOB", "DATE", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "UUID", "JSON", "BIT"}
    | {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DECIMAL"}
    | {"FLOAT", "DOUBLE", *_integers.values()}
)
_logical: Final[Mapping[str, str]] = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "FLOAT": "number",
    "DOUBLE": "number",
    "DECIMAL": "number",
    "LIST": "array",
    "ARRAY": "array",
    "STRUCT": "object",
    "MAP": "map",
    **dict.fromkeys(_integers.values(), "integer"),
}


def column_type(element: Mapping[str, Json]) -> DataType | None:
    """The type a property (or the item of a list) stands for; None when it names none.

    >>> str(column_type({"logicalType": "integer", "logicalTypeOptions": {"format": "i64"}}))
    'BIGINT'
    >>> str(column_type({"logicalType": "number", "physicalType": "decimal(12,2)"}))
    'DECIMAL(12,2)'
    >>> str(column_type({"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}))
    'TIMESTAMP WITH TIME ZONE'
    """
    physical = element.get("physicalType")
    if isinstance(physical, str):
        parsed = _physical_type(physical)
        if parsed is not None:
            return parsed
    logical = element.get("logicalType")
    options = element.get("logicalTypeOptions")
    return _logical_type(str(logical), element, options if isinstance(options, Mapping) else {}) if logical else None


def logical_type_of(type: DataType) -> str:
    """The ODCS logical type of a column type: the way back of :func:`column_type`.

    >>> logical_type_of(DataType.parse("timestamptz"))
    'timestamp'
    """
    if type.name.startswith("TIMESTAMP"):
        return "timestamp"
    if type.name.startswith("TIME"):
        return "time"
    return _logical.get(type.name, "string")


def _physical_type(text: str) -> DataType | None:
    try:
        parsed = DataType.parse(text)
    except TypeSyntaxError:
        return None
    return parsed if _is_known(parsed) else None


def _is_known(type: DataType) -> bool:
    match type.name:
        case "LIST" | "ARRAY":
            return type.element is not None and _is_known(type.element)
        case "MAP":
            return all(part is not None and _is_known(part) for part in (type.key, type.element))
        case "STRUCT":
            return all(_is_known(member.type) for member in type.fields)
        case "DECIMAL":
            return len(type.arguments) == 2 and 0 < type.arguments[0] <= 38 and type.arguments[1] <= type.arguments[0]
        case name:
            return name in _known and not type.arguments


def _logical_type(logical: str, element: Mapping[str, Json], options: Mapping[str, Json]) -> DataType | None:
    match logical:
        case "integer":
            found = DataType(_integers.get(str(options.get("format")), "BIGINT"))
        case "number":
            found = DataType(_numbers.get(str(options.get("format")), "DOUBLE"))
        case "timestamp":
            found = DataType("TIMESTAMP WITH TIME ZONE" if options.get("timezone") else "TIMESTAMP")
        case "vector":
            size = cast("int", options.get("dimensions", 1))
            found = DataType("ARRAY", (size,), element=DataType(_elements[str(options.get("elementType", "float32"))]))
        case name if name in _simple:
            found = DataType(_simple[name])
        case _:
            return _nested_type(logical, element)
    return found


def _nested_type(logical: str, element: Mapping[str, Json]) -> DataType | None:
    match logical:
        case "array":
            items = element.get("items")
            return _list_of(column_type(items)) if isinstance(items, Mapping) else None
        case "object":
            return _struct(element.get("properties"))
        case _:
            return _map(element.get("map"))


def _list_of(element: DataType | None) -> DataType | None:
    return DataType("LIST", element=element) if element else None


def _struct(properties: Json) -> DataType | None:
    if not isinstance(properties, Sequence) or isinstance(properties, str) or not properties:
        return None
    members: list[Column] = []
    for member in properties:
        if not isinstance(member, Mapping):
            return None
        found = column_type(member)
        if found is None:
            return None
        members.append(Column(str(member.get("physicalName") or member["name"]), found))
    return DataType("STRUCT", fields=tuple(members))


def _map(definition: Json) -> DataType | None:
    if not isinstance(definition, Mapping):
        return None
    key, value = definition.get("key"), definition.get("value")
    if not isinstance(key, Mapping) or not isinstance(value, Mapping):
        return None
    key_type, value_type = column_type(key), column_type(value)
    return DataType("MAP", key=key_type, element=value_type) if key_type and value_type else None
