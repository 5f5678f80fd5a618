"""Whether a contract and the relation it speaks of have the same columns.

Apart from rule compilation because a disagreement is a mistake in a file, found
before any data is read. A contract without properties promises no columns and
agrees with all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.contract import Contract, Property
from headwater.spec.logical_types import logical_type_of
from headwater.types import Column, DataType, Schema

__all__ = ["agree"]


def agree(contract: Contract, schema: Schema) -> list[DeclarationError]:
    """All disagreements, in the contract's order: columns missing, of another type, or not declared.

    A ``physicalType`` must be the column's exact type. Where only a
    ``logicalType`` stands, any type of that sort agrees: an ``integer`` may be a
    SMALLINT or a BIGINT, a ``number`` also a DECIMAL or an integer.
    """
    if not contract.properties:
        return []
    return list(_disagreements(contract, schema))


def _disagreements(contract: Contract, schema: Schema) -> Iterator[DeclarationError]:
    declared = {promised.name.casefold() for promised in contract.properties}
    undeclared = [column for column in schema if column.name.casefold() not in declared]
    physical = _physical_types(contract)
    for promised in contract.properties:
        column = schema.get(promised.name)
        if column is None:
            yield DeclarationError(
                f"{contract.relation} has no column '{promised.name}', which contract '{contract.id}' promises",
                hint=did_you_mean(promised.name, [extra.name for extra in undeclared] or schema.names),
                where=promised.where,
            )
        else:
            yield from _types(contract, promised, column, exact=promised.name.casefold() in physical)
    for column in undeclared:
        yield DeclarationError(
            f"{contract.relation} yields the column '{column.name}', which contract '{contract.id}' does not declare",
            detail=f"its type is {column.type}",
            hint="declare it in the contract, or select the columns by name and leave it out",
            where=contract.where,
        )


def _types(contract: Contract, promised: Property, column: Column, *, exact: bool) -> Iterator[DeclarationError]:
    if promised.type is None or promised.type == column.type:
        return
    if not exact and _is_of_sort(column.type, promised.logical_type):
        return
    said = str(promised.type) if exact else f"{promised.logical_type} ({promised.type})"
    yield DeclarationError(
        f"the column '{promised.name}' of {contract.relation} is {column.type}, contract '{contract.id}' says {said}",
        hint=f"cast it in the model, or write 'physicalType: {column.type}' in the contract",
        where=promised.where,
    )


_wider: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset({"number", "integer"}),
    "vector": frozenset({"array"}),
}


def _is_of_sort(type: DataType, logical_type: str | None) -> bool:
    if logical_type is None:
        return False
    return logical_type_of(type) in _wider.get(logical_type, frozenset({logical_type}))


def _physical_types(contract: Contract) -> frozenset[str]:
    """Names of the columns whose ``physicalType`` is written in the file."""
    for schema in _elements(contract.document.get("schema")):
        if schema.get("name") == contract.relation:
            return frozenset(
                str(element.get("physicalName") or element.get("name")).casefold()
                for element in _elements(schema.get("properties"))
                if element.get("physicalType")
            )
    return frozenset()


def _elements(found: object) -> Sequence[Mapping[str, object]]:
    return [element for element in found if isinstance(element, Mapping)] if isinstance(found, Sequence) else []
