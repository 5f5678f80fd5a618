"""Column types to Arrow and back, and record batches made to fit a schema.

Arrow is what rows travel in between plugins, so engines, connectors and table
formats have to agree on one Arrow form for every column type; they may not
import each other, so the agreement stands here.

===================== ================================ =====================================
column type           Arrow type                       read back as
===================== ================================ =====================================
HUGEINT, UHUGEINT     decimal128(38, 0)                DECIMAL(38,0)
TIMESTAMP             timestamp[us]                    TIMESTAMP
TIMESTAMP WITH T. Z.  timestamp[us, UTC]               TIMESTAMP WITH TIME ZONE
TIMESTAMP_S, _MS, _NS timestamp[s], [ms], [ns]         the same
TIME                  time64[us]                       TIME
UUID                  extension arrow.uuid             UUID (text is accepted by :func:`conform`)
UUID inside a type    string                           VARCHAR
JSON, ENUM            string                           VARCHAR
INTERVAL              month_day_nano_interval          INTERVAL
===================== ================================ =====================================

Everything else has the Arrow type of the same name. Types without an Arrow form
(BIT, UNION, TIME WITH TIME ZONE ...) are a DeclarationError.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import DataError, DeclarationError, UsageError
from headwater.types import Column, DataType, Schema

__all__ = ["arrow_schema", "arrow_type", "column_schema", "column_type", "conform"]

_to_arrow: Final[dict[str, pa.DataType]] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "HUGEINT": pa.decimal128(38, 0),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "UHUGEINT": pa.decimal128(38, 0),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "ENUM": pa.string(),
    "BLOB": pa.binary(),
    "UUID": pa.uuid(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
    "NULL": pa.null(),
}

_from_arrow: Final[dict[pa.DataType, str]] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float16(): "FLOAT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.date64(): "DATE",
    pa.time32("s"): "TIME",
    pa.time32("ms"): "TIME",
    pa.time64("us"): "TIME",
    pa.time64("ns"): "TIME",
    pa.month_day_nano_interval(): "INTERVAL",
    pa.null(): "NULL",
}

_wide: Final = pa.decimal128(38, 0)
_timestamps: Final = {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}
_families: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_string, "VARCHAR"),
    (pa.types.is_large_string, "VARCHAR"),
    (pa.types.is_string_view, "VARCHAR"),
    (pa.types.is_binary, "BLOB"),
    (pa.types.is_large_binary, "BLOB"),
    (pa.types.is_binary_view, "BLOB"),
    (pa.types.is_fixed_size_binary, "BLOB"),
)
_extensions: Final = {"arrow.uuid": "UUID", "arrow.json": "JSON", "arrow.bool8": "BOOLEAN"}


def arrow_type(type: DataType) -> pa.DataType:
    """The Arrow type that values of a column type travel in.

    Raises:
        DeclarationError: the type has no Arrow form.

    >>> arrow_type(DataType.parse("DECIMAL(10,2)[]"))
    ListType(list<element: decimal128(10, 2)>)
    """
    match type.name:
        case "DECIMAL":
            precision, scale = type.arguments or (18, 3)
            return pa.decimal128(precision, scale)
        case "LIST" if type.element:
            return pa.list_(pa.field("element", _member_type(type.element)))
        case "ARRAY" if type.element:
            return pa.list_(pa.field("element", _member_type(type.element)), type.arguments[0])
        case "MAP" if type.key and type.element:
            return pa.map_(_member_type(type.key), _member_type(type.element))
        case "STRUCT" if type.fields:
            return pa.struct([pa.field(member.name, _member_type(member.type)) for member in type.fields])
        case name if name in _to_arrow:
            return _to_arrow[name]
        case _:
            raise DeclarationError(
                f"the type {type} cannot leave the engine",
                detail="it has no Arrow form",
                hint="cast the column in the query, for example to VARCHAR",
            )


def _member_type(type: DataType) -> pa.DataType:
    return pa.string() if type.name == "UUID" else arrow_type(type)


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of a relation; fields are nullable as the columns are. Raises as :func:`arrow_type`."""
    return pa.schema([pa.field(column.name, arrow_type(column.type), nullable=column.nullable) for column in schema])


def column_type(type: pa.DataType) -> DataType:
    """The column type that holds every value of an Arrow type.

    Raises:
        DeclarationError: there is none.

    >>> str(column_type(pa.large_list(pa.dictionary(pa.int8(), pa.string()))))
    'VARCHAR[]'
    """
    if isinstance(type, pa.BaseExtensionType) and type.extension_name in _extensions:
        return DataType(_extensions[type.extension_name])
    if type in _from_arrow:
        return DataType(_from_arrow[type])
    for belongs, name in _families:
        if belongs(type):
            return DataType(name)
    if pa.types.is_timestamp(type):
        return DataType("TIMESTAMP WITH TIME ZONE" if type.tz else _timestamps[type.unit])
    if pa.types.is_decimal(type) and type.precision <= 38:
        return DataType("DECIMAL", (type.precision, type.scale))
    return _nested_type(type)


def _nested_type(type: pa.DataType) -> DataType:
    types = pa.types
    if types.is_dictionary(type):
        return column_type(type.value_type)
    if types.is_fixed_size_list(type):
        return DataType("ARRAY", (type.list_size,), element=column_type(type.value_type))
    if types.is_map(type):
        return DataType("MAP", element=column_type(type.item_type), key=column_type(type.key_type))
    if types.is_struct(type):
        return DataType("STRUCT", fields=tuple(_column(field) for field in type))
    if types.is_list(type) or types.is_large_list(type) or types.is_list_view(type) or types.is_large_list_view(type):
        return DataType("LIST", element=column_type(type.value_type))
    raise DeclarationError(f"the Arrow type {type} has no column type", hint="cast the column where it is produced")


def column_schema(schema: pa.Schema) -> Schema:
    """The relation schema of an Arrow schema. Raises as :func:`column_type`."""
    return Schema(tuple(_column(field) for field in schema))


def _column(field: pa.Field) -> Column:
    return Column(field.name, column_type(field.type), field.nullable)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly the columns of ``schema``, in its order and types; others are left out.

    Columns are found by name, upper and lower case being one.

    Casts are safe: a value that does not fit is an error, never a wrong value.

    Raises:
        UsageError: a column is missing.
        DataError: a value does not fit its column.
    """
    if batch.schema.equals(schema) and _wide not in schema.types:  # a HUGEINT may come with more digits than fit
        return batch
    positions = {name.casefold(): index for index, name in enumerate(batch.schema.names)}
    missing = [name for name in schema.names if name.casefold() not in positions]
    if missing:
        raise UsageError(
            f"the rows have no column {', '.join(missing)}", detail=f"they have {', '.join(batch.schema.names)}"
        )
    arrays = [_conform(batch.column(positions[field.name.casefold()]), field) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _conform(array: pa.Array, field: pa.Field) -> pa.Array:
    if array.null_count and not field.nullable:
        raise DataError(
            f"column {field.name} holds NULL",
            detail=f"{array.null_count} of {len(array)} rows, and the column is declared as required",
        )
    try:
        cast = _cast(array, field.type)
        if field.type == _wide:
            cast.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, binascii.Error) as error:
        raise DataError(
            f"column {field.name} holds a value that does not fit {field.type}", detail=str(error).split("\n")[0]
        ) from error
    return cast


def _cast(array: pa.Array, type: pa.DataType) -> pa.Array:
    if array.type.equals(type, check_metadata=True):
        return array
    if type == pa.uuid():
        return _uuids(array)
    if array.type == pa.uuid():
        return _uuid_texts(array.storage).cast(type)
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return pc.cast(array, type, safe=True)


def _uuids(array: pa.Array) -> pa.Array:
    """Text (with or without dashes) or 16 bytes as arrow.uuid, without a Python object a row."""
    if not pa.types.is_binary(array.type) and not pa.types.is_fixed_size_binary(array.type):
        digits = pc.replace_substring(array.cast(pa.string()), "-", "")
        if pc.any(pc.not_equal(pc.binary_length(digits), 32)).as_py():
            raise pa.ArrowInvalid("a text is not a UUID")
        packed = binascii.unhexlify("".join(digits.fill_null("0" * 32).to_pylist()))
        storage = pa.Array.from_buffers(pa.binary(16), len(array), [None, pa.py_buffer(packed)])
        array = pc.if_else(digits.is_valid(), storage, pa.scalar(None, pa.binary(16)))
    return pa.ExtensionArray.from_storage(pa.uuid(), array.cast(pa.binary(16)))


def _uuid_texts(array: pa.Array) -> pa.Array:
    digits = pa.array([None if value is None else value.hex() for value in array.to_pylist()], pa.string())
    parts = [
        pc.utf8_slice_codeunits(digits, start, stop) for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    ]
    return pc.binary_join_element_wise(*parts, "-")
