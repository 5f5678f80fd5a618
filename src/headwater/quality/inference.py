"""From a relation's columns, and what was seen in them, to a contract document.

Apart from the reader of contracts because it goes the other way: it yields the
ODCS mapping that ``spec`` writes as YAML. It promises only what it is told to
or has seen no exception from, and says in the description that it was inferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.spec.logical_types import logical_type_of
from headwater.types import Column, DataType, Json, RelationName, Schema
from headwater.values import frozen

__all__ = ["ColumnStatistics", "infer_contract"]

few_values: Final = 20
enough_rows: Final = 100


@frozen
class ColumnStatistics:
    """What was seen in a column: ``rows`` in all, ``nulls`` of them NULL, ``distinct`` values.

    ``values`` are the distinct values when they are few (at most 20), None else.
    """

    rows: int
    nulls: int
    distinct: int
    minimum: Json = None
    maximum: Json = None
    values: tuple[Json, ...] | None = None


def infer_contract(
    schema: Schema,
    *,
    id: str,
    relation: RelationName,
    grain: Sequence[str] = (),
    description: str | None = None,
    descriptions: Mapping[str, str] | None = None,
    statistics: Mapping[str, ColumnStatistics] | None = None,
) -> dict[str, Any]:
    """An ODCS 3.2 document with one schema object for the relation.

    The primary key is the ``grain``. A column is required when it is part of the
    key, when its type promises it, or when no row lacked it; an ``enum`` stands
    where at least a hundred rows held at most twenty texts, each many times.

    >>> document = infer_contract(Schema.of({"id": "bigint"}), id="x", relation=RelationName("shop", "orders"))
    >>> document["schema"][0]["properties"]
    [{'name': 'id', 'logicalType': 'integer', 'physicalType': 'BIGINT'}]
    """
    key = {name.casefold(): position for position, name in enumerate(grain, start=1)}
    seen = {name.casefold(): found for name, found in (statistics or {}).items()}
    told = {name.casefold(): text for name, text in (descriptions or {}).items()}
    properties = []
    for column in schema:
        folded = column.name.casefold()
        properties.append(_property(column, key.get(folded), seen.get(folded), told.get(folded)))
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": id,
        "name": str(relation),
        "version": "0.1.0",
        "status": "draft",
        "description": {"purpose": description or f"What {relation} promises, inferred from its columns."},
        "schema": [
            {
                "name": relation.name,
                "logicalType": "object",
                "physicalType": "table",
                **({"description": description} if description else {}),
                "properties": properties,
            }
        ],
    }


def _property(
    column: Column, key_position: int | None, seen: ColumnStatistics | None, description: str | None
) -> dict[str, Any]:
    complete = seen is not None and seen.rows > 0 and seen.nulls == 0
    inferred: dict[str, Any] = {"name": column.name, **_typed(column.type)}
    if description:
        inferred["description"] = description
    if key_position is not None:
        inferred.update(primaryKey=True, primaryKeyPosition=key_position)
    if key_position is not None or complete or not column.nullable:
        inferred["required"] = True
    if seen is not None and column.type.name == "VARCHAR" and _is_enumerable(seen):
        inferred["enum"] = [{"value": value} for value in sorted(str(value) for value in seen.values or ())]
    return inferred


def _is_enumerable(seen: ColumnStatistics) -> bool:
    filled = seen.rows - seen.nulls
    return bool(seen.values) and filled >= enough_rows and seen.distinct <= min(few_values, filled // 10)


def _typed(type: DataType) -> dict[str, Any]:
    """Logical and physical type; members of objects, arrays and maps each with their own."""
    logical = logical_type_of(type)
    typed: dict[str, Any] = {"logicalType": logical, "physicalType": str(type)}
    match type.name:
        case "TIMESTAMP WITH TIME ZONE":
            typed["logicalTypeOptions"] = {"timezone": True}
        case "STRUCT":
            typed["properties"] = [{"name": field.name, **_typed(field.type)} for field in type.fields]
        case "LIST" | "ARRAY" if type.element:
            typed["items"] = _typed(type.element)
        case "MAP" if type.key and type.element:
            typed["map"] = {"key": _typed(type.key), "value": _typed(type.element)}
    return typed
