"""Iceberg's partition transforms over Arrow arrays (table spec v2, "Partition Transforms").

pyiceberg computes them with an optional compiled package; these few are done
with Arrow kernels, and ``bucket`` once for every distinct value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes, to_bytes
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.types import IcebergType, PrimitiveType

__all__ = ["key_from_json", "key_to_json", "partition_keys", "partition_types"]

MICROSECONDS_AN_HOUR: Final = 3_600_000_000


def partition_types(spec: PartitionSpec, schema: IcebergSchema) -> list[PrimitiveType]:
    """The types of a spec's partition values."""
    return [f.field_type for f in spec.partition_type(schema).fields if isinstance(f.field_type, PrimitiveType)]


def partition_keys(batch: pa.RecordBatch, spec: PartitionSpec, schema: IcebergSchema) -> list[pa.Array]:
    """A batch's partition values, one array a partition field, in Iceberg's internal form."""
    keys = []
    for field in spec.fields:
        source = schema.find_field(field.source_id)
        keys.append(_transformed(batch.column(source.name), field, source.field_type))
    return keys


def _transformed(array: pa.Array, field: PartitionField, source: IcebergType) -> pa.Array:
    match str(field.transform):
        case "identity":
            return _internal(array)
        case "year":
            return pc.subtract(pc.year(_moments(array)), 1970).cast(pa.int32())
        case "month":
            moments = _moments(array)
            years = pc.subtract(pc.year(moments), 1970)
            return pc.add(pc.multiply(years, 12), pc.subtract(pc.month(moments), 1)).cast(pa.int32())
        case "day":
            return pc.floor_temporal(_moments(array), unit="day").cast(pa.date32()).cast(pa.int32())
        case "hour":
            hours = pc.floor_temporal(_moments(array), unit="hour").cast(pa.int64())
            return pc.divide(hours, MICROSECONDS_AN_HOUR).cast(pa.int32())
        case _:
            encoded = _internal(array).dictionary_encode()
            bucket = field.transform.transform(source)
            buckets = pa.array([bucket(value) for value in encoded.dictionary.to_pylist()], pa.int32())
            return buckets.take(encoded.indices)


def _moments(array: pa.Array) -> pa.Array:
    return array.cast(pa.timestamp("us"))


def _internal(array: pa.Array) -> pa.Array:
    """Dates as days, moments and times as microseconds, UUIDs as bytes; everything else as it is."""
    if array.type == pa.uuid():
        return array.storage
    if pa.types.is_date32(array.type):
        return array.cast(pa.int32())
    if pa.types.is_timestamp(array.type) or pa.types.is_time64(array.type):
        return array.cast(pa.int64())
    return array


def key_to_json(key: Sequence[Any], types: Sequence[PrimitiveType]) -> list[str | None]:
    """Partition values in Iceberg's binary form, as hexadecimal text."""
    return [None if value is None else to_bytes(kind, value).hex() for value, kind in zip(key, types, strict=True)]


def key_from_json(texts: Sequence[str | None], types: Sequence[PrimitiveType]) -> list[Any]:
    """The inverse of :func:`key_to_json`. Raises ValueError when a text is not of that form."""
    pairs = zip(texts, types, strict=True)
    return [None if text is None else from_bytes(kind, bytes.fromhex(text)) for text, kind in pairs]
