"""From a property of the contract to the checks on each row: required, options, enum, nested members.

Apart from keys, references and metrics because these look at one row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from headwater.errors import DeclarationError
from headwater.quality.checks import Check, RowCheck, Unjudged
from headwater.quality.options import Demand, OptionError, UnknownFormatError, enumeration, member, option
from headwater.spec.contract import Property
from headwater.types import Column, DataType, quote_identifier
from headwater.values import frozen

__all__ = ["Found", "required_column", "row_checks"]

Found: TypeAlias = Check | Unjudged | DeclarationError
"""What a rule becomes: a check, a note that it is not judged, or the reason why it cannot be."""

Predicate: TypeAlias = Callable[[str], str]


@frozen
class _Place:
    """Where a property's value is: ``sql`` yields it, ``guard`` makes a predicate over it one over the row.

    ``parent`` is the SQL of the enclosing object, whose absence excuses a missing
    member; ``depth`` numbers the variables of nested lists.
    """

    path: str
    sql: str
    type: DataType
    guard: Predicate
    parent: str | None = None
    depth: int = 0

    @property
    def top(self) -> bool:
        """The value is the column itself."""
        return self.parent is None and self.depth == 0


def row_checks(property: Property, column: Column) -> Iterator[Found]:
    """All that a column's property demands of each row, in a fixed order."""
    place = _Place(column.name, quote_identifier(column.name), column.type, lambda predicate: predicate)
    yield from _checks(property, place)


def _checks(property: Property, place: _Place) -> Iterator[Found]:
    if property.required or (place.top and property.primary_key_position is not None):
        yield _required(place)
    if property.enum:
        yield _demanded("enum", property, place)
    for name in property.options:
        yield from _option(name, property, place)
    if not place.top:
        yield from _unjudged_inside(property, place)
    yield from _members(property, place)


def _required(place: _Place) -> RowCheck:
    predicate = f"{place.sql} IS NOT NULL"
    if place.parent is not None:
        predicate = f"{place.parent} IS NULL OR {predicate}"
    doubt = f"count({place.sql}) < count({place.parent or '*'})"
    return _check("required", place, Demand(predicate, "is required", doubt))


def _check(code: str, place: _Place, demand: Demand) -> RowCheck:
    doubt = None if place.depth else demand.doubt
    return RowCheck(f"{code}:{place.path}", place.guard(demand.predicate), f"{place.path} {demand.meaning}", doubt)


def required_column(column: Column) -> RowCheck:
    """The column may not be NULL, whatever the property says."""
    place = _Place(column.name, quote_identifier(column.name), column.type, lambda predicate: predicate)
    return _required(place)


def _demanded(code: str, property: Property, place: _Place) -> Found:
    try:
        demand = enumeration(property.enum, place.sql, place.type)
    except OptionError as error:
        return DeclarationError(
            f"the enum of '{place.path}' cannot be applied", detail=str(error), where=property.where
        )
    return _check(code, place, demand)


def _option(name: str, property: Property, place: _Place) -> Iterator[Found]:
    try:
        demand = option(name, property.options[name], place.sql, place.type, property.logical_type)
    except OptionError as error:
        yield DeclarationError(
            f"the option '{name}' of '{place.path}' cannot be applied", detail=str(error), where=property.where
        )
        return
    except UnknownFormatError as error:
        yield Unjudged(f"{name}:{place.path}", str(error))
        return
    if demand is not None:
        yield _check(name, place, demand)


def _unjudged_inside(property: Property, place: _Place) -> Iterator[Unjudged]:
    if property.unique:
        yield Unjudged(f"unique:{place.path}", "uniqueness is judged on columns, not inside objects or arrays")
    for rule in property.rules:
        yield Unjudged(f"{rule.metric or rule.type}:{place.path}", "metrics are judged on columns")


def _members(property: Property, place: _Place) -> Iterator[Found]:
    if not (property.properties or property.items or property.map_key):
        return
    match place.type.name:
        case "STRUCT":
            yield from _struct(property, place)
        case "LIST" | "ARRAY":
            yield from _list(property.items, place, place.sql, f"{place.path}[]", place.type.element)
        case "MAP":
            keys, values = f"map_keys({place.sql})", f"map_values({place.sql})"
            yield from _list(property.map_key, place, keys, f"{place.path}.key", place.type.key)
            yield from _list(property.items, place, values, f"{place.path}.value", place.type.element)
        case _:
            yield Unjudged(f"properties:{place.path}", f"a column of type {place.type} has no members to judge")


def _struct(property: Property, place: _Place) -> Iterator[Found]:
    fields = {field.name.casefold(): field for field in place.type.fields}
    for inner in property.properties:
        field = fields.get(inner.name.casefold())
        if field is None:
            continue
        sql = member(place.sql, field.name)
        yield from _checks(
            inner, _Place(f"{place.path}.{field.name}", sql, field.type, place.guard, place.sql, place.depth)
        )


def _list(items: Property | None, place: _Place, sql: str, path: str, element: DataType | None) -> Iterator[Found]:
    if items is None or element is None:
        return
    variable = f"_hw_item{place.depth}"

    def every(predicate: str) -> str:
        return place.guard(f"len(list_filter({sql}, lambda {variable}: NOT coalesce({predicate}, TRUE))) = 0")

    yield from _checks(items, _Place(path, variable, element, every, None, place.depth + 1))
