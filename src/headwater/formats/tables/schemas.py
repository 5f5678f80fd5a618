"""What a table can hold and how it may change: stored types, and evolution from one schema to the next.

The rules are the same for every table format; only the types they can store
differ, so a format brings its :class:`Storable` and this module decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from headwater.errors import DeclarationError
from headwater.spi.table import TableSpec
from headwater.types import Column, DataType, Schema
from headwater.values import frozen

__all__ = ["Evolution", "Storable", "as_written", "evolve"]

_always: Final = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "JSON": "VARCHAR",
    "ENUM": "VARCHAR",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
}
_plain: Final = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
    | {"FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "UUID", "DATE", "TIME"}
    | {"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
)


@frozen
class Storable:
    """The types a format stores: ``instead`` names what stands for a type it lacks, ``refused`` what it cannot hold."""

    format: str
    instead: Mapping[str, str]
    refused: frozenset[str] = frozenset()

    def schema(self, schema: Schema) -> Schema:
        """The schema as the table stores it.

        Raises:
            DeclarationError: a column cannot be stored; the hint names a cast that can.
        """
        return Schema(tuple(replace(column, type=self._type(column.name, column.type)) for column in schema))

    def _type(self, column: str, type: DataType, nested: bool = False) -> DataType:
        match type.name:
            case "LIST" | "ARRAY" if type.element:
                return DataType("LIST", element=self._type(column, type.element, nested=True))
            case "MAP" if type.element and type.key:
                key = self._type(column, type.key, nested=True)
                return DataType("MAP", element=self._type(column, type.element, nested=True), key=key)
            case "STRUCT" if type.fields:
                members = (Column(member.name, self._type(column, member.type, nested=True)) for member in type.fields)
                return DataType("STRUCT", fields=tuple(members))
            case "UUID" if nested:
                return DataType("VARCHAR")
            case name if (stored := self.instead.get(name) or _always.get(name)) is not None:
                return DataType.parse(stored)
            case name if name in _plain and name not in self.refused:
                return type
            case _:
                raise DeclarationError(
                    f"column {column} of type {type} cannot be stored as {self.format}",
                    hint=f'cast it in the query, for example CAST("{column}" AS VARCHAR)',
                )


@frozen
class Evolution:
    """How a table gets from its schema to the one it will have.

    ``renamed`` maps new names to old ones; ``widened`` and ``added`` are names in the new schema.
    """

    schema: Schema
    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()
    renamed: Mapping[str, str] | None = None
    loosened: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.added or self.widened or self.renamed or self.loosened)

    @property
    def rewrites(self) -> bool:
        """Whether files written before need to be written anew in a format that knows columns by name."""
        return bool(self.widened or self.renamed)


def evolve(current: Schema, wanted: Schema, renames: Mapping[str, str]) -> Evolution:
    """What has to change so that rows of ``wanted`` can be appended to a table of ``current`` (both as stored).

    Columns can be added (NULL in earlier rows), widened (integers, FLOAT to
    DOUBLE, DECIMAL to more digits, members added to a STRUCT), renamed, and
    become nullable. A column that the table holds wider than wanted stays so.

    Raises:
        DeclarationError: a column is gone, or its type became another one.
    """
    old_names = {new.casefold(): old.casefold() for new, old in renames.items()}
    wanted_by_old = {_old_name(column, current, old_names): column for column in wanted}
    columns: list[Column] = []
    widened: list[str] = []
    loosened: list[str] = []
    renamed: dict[str, str] = {}
    for column in current:
        new = wanted_by_old.pop(column.name.casefold(), None)
        if new is None:
            raise DeclarationError(
                f"column {column.name} is gone",
                detail="the table holds rows that have it",
                hint="select it again, name it in `renames`, or rebuild the model so that all rows are replaced",
            )
        name = column.name if new.name.casefold() == column.name.casefold() else new.name
        if name != column.name:
            renamed[name] = column.name
        widest = _widest(column.name, column.type, new.type)
        if widest != column.type:
            widened.append(name)
        if new.nullable and not column.nullable:
            loosened.append(name)
        columns.append(Column(name, widest, column.nullable or new.nullable))
    added = [replace(column, nullable=True) for column in wanted_by_old.values()]
    return Evolution(
        schema=Schema((*columns, *added)),
        added=tuple(column.name for column in added),
        widened=tuple(widened),
        renamed=renamed or None,
        loosened=tuple(loosened),
    )


def as_written(current: Schema, spec: TableSpec) -> Schema:
    """The columns of ``spec`` as new files have to hold them, so that they fit a table of schema ``current``."""
    merged = evolve(current, spec.schema, spec.renames).schema
    return Schema(tuple(merged.get(column.name) or column for column in spec.schema))


def _old_name(column: Column, current: Schema, old_names: Mapping[str, str]) -> str:
    """What the table calls a wanted column: a rename counts only until it was made."""
    folded = column.name.casefold()
    old = old_names.get(folded)
    return old if old is not None and current.get(folded) is None and current.get(old) is not None else folded


_integers: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_unsigned: Final = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_floats: Final = ("FLOAT", "DOUBLE")


def _widest(column: str, current: DataType, wanted: DataType) -> DataType:
    if current == wanted:
        return current
    for family in (_integers, _unsigned, _floats):
        if current.name in family and wanted.name in family:
            return current if family.index(current.name) > family.index(wanted.name) else wanted
    match current.name, wanted.name:
        case "DECIMAL", "DECIMAL" if current.arguments[1] == wanted.arguments[1]:
            return current if current.arguments > wanted.arguments else wanted
        case "LIST", "LIST" if current.element and wanted.element:
            return replace(current, element=_widest(column, current.element, wanted.element))
        case "MAP", "MAP" if current.element and wanted.element and current.key == wanted.key:
            return replace(current, element=_widest(column, current.element, wanted.element))
        case "STRUCT", "STRUCT" if current.fields and wanted.fields:
            return _widest_struct(column, current, wanted)
    raise DeclarationError(
        f"column {column} cannot change from {current} to {wanted}",
        detail="a table evolves by adding columns, widening numbers and renaming",
        hint="cast it back in the query, give it another name, or rebuild the model so that all rows are replaced",
    )


def _widest_struct(column: str, current: DataType, wanted: DataType) -> DataType:
    members = {member.name.casefold(): member for member in wanted.fields}
    fields = []
    for member in current.fields:
        new = members.pop(member.name.casefold(), None)
        widest = member.type if new is None else _widest(f"{column}.{member.name}", member.type, new.type)
        fields.append(Column(member.name, widest))
    return replace(current, fields=(*fields, *members.values()))
