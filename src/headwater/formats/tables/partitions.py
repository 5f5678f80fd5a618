"""Partition fields: what they may be, their names, and their values as text.

Apart from the computing of values because declarations are checked where no row
is near. Iceberg has its own transforms; Parquet and Delta write the derived
values, in UTC, as Hive does: ``departed_at_day=2013-01-31``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias
from urllib.parse import quote

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.declarations import PartitionField
from headwater.types import Schema
from headwater.values import frozen

__all__ = [
    "PartitionKey",
    "Transform",
    "field_name",
    "hive_path",
    "hive_text",
    "identity_columns",
    "parse_transform",
    "resolve_partitions",
]

HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
PartitionKey: TypeAlias = tuple[object, ...]

_safe: Final = " ,;@()[]!$&'"

_temporal: Final = ("year", "month", "day", "hour")
_unsuitable: Final = frozenset({"LIST", "MAP", "STRUCT", "BLOB", "FLOAT", "DOUBLE"})


@frozen
class Transform:
    """``name`` with its argument, which only ``bucket`` has."""

    name: str
    argument: int | None = None


def parse_transform(field: PartitionField, schema: Schema) -> Transform:
    """Check a partition field against the table's schema.

    Raises:
        DeclarationError: the column or the transform does not exist, or they do not go together.
    """
    column = schema.get(field.column)
    if column is None:
        raise DeclarationError(
            f"the table cannot be partitioned by {field.column}: it has no such column",
            hint=did_you_mean(field.column, schema.names),
        )
    name, bracket, rest = field.transform.partition("[")
    number = rest.removesuffix("]")
    kind = column.type.name
    if name == "bucket" and bracket and number.isdecimal() and int(number) > 0:
        suits = kind not in _unsuitable and kind != "BOOLEAN"
        transform = Transform(name, int(number))
    elif not bracket and name in _temporal:
        suits = kind.startswith("TIMESTAMP") or (kind == "DATE" and name != "hour")
        transform = Transform(name)
    elif field.transform == "identity":
        suits = kind not in _unsuitable
        transform = Transform(name)
    else:
        raise DeclarationError(
            f"there is no partition transform '{field.transform}'",
            hint="valid values: identity, year, month, day, hour, bucket[n]",
        )
    if not suits:
        raise DeclarationError(
            f"the table cannot be partitioned by {field.transform} of {column.name}, a {column.type}"
        )
    return transform


def resolve_partitions(
    partition_by: Sequence[PartitionField], schema: Schema, format: str
) -> tuple[PartitionField, ...]:
    """The partition fields, columns spelled as in the schema, of a format that keeps partitions as values in paths.

    Raises:
        DeclarationError: as :func:`parse_transform`; or the format cannot partition so.
    """
    resolved = []
    for field in partition_by:
        transform = parse_transform(field, schema)
        if transform.name == "bucket":
            raise DeclarationError(
                f"{format} tables cannot be partitioned by {field.transform} of {field.column}",
                detail="readers of the format know no common hash",
                hint="use output iceberg, or partition by another column",
            )
        column = schema.get(field.column)
        resolved.append(PartitionField(column.name if column else field.column, field.transform))
        if transform.name != "identity" and schema.get(field_name(resolved[-1])) is not None:
            raise DeclarationError(
                f"the partition {field.transform}({field.column}) and the column {field_name(resolved[-1])} clash",
                hint="rename the column",
            )
    if len(identity_columns(schema, resolved)) == len(schema):
        raise DeclarationError("the table is partitioned by all of its columns", hint="leave one out of partition_by")
    return tuple(resolved)


def field_name(field: PartitionField) -> str:
    """The name that a derived partition value has in paths and metadata, as Iceberg names it."""
    name = field.transform.partition("[")[0]
    return field.column if name == "identity" else f"{field.column}_{name}"


def identity_columns(schema: Schema, partition_by: Sequence[PartitionField]) -> list[str]:
    """The columns, as the schema spells them, whose values are partition values and stand outside the files."""
    identities = {field.column.casefold() for field in partition_by if field.transform == "identity"}
    return [column.name for column in schema if column.name.casefold() in identities]


def hive_path(names: Sequence[str], key: PartitionKey) -> str:
    """The folders of a partition: ``origin=EWR/departed_at_day=2013-01-31``, '' without partitions."""
    return "/".join(
        f"{quote(name, safe=_safe)}={quote(hive_text(value), safe=_safe)}"
        for name, value in zip(names, key, strict=True)
    )


def hive_text(value: object) -> str:
    """A partition value as Hive writes it in a path."""
    match value:
        case None:
            return HIVE_NULL
        case bool():
            return str(value).lower()
        case datetime():
            if value.tzinfo is None:
                return value.isoformat(" ", timespec="microseconds")
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)
