"""Keyed sources: from what is declared of changes to the values that a run executes.

Apart from the planner because it needs nothing but the declaration and the columns: which records there are,
how each of them becomes a change of one row, and the program that keeps the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from headwater.errors import DeclarationError, DeclarationErrors, did_you_mean
from headwater.incremental.upserts import compile_upserts
from headwater.plan.steps import KeyedSource
from headwater.quality.literals import text_literal
from headwater.relations import DELETED_COLUMN, OFFSET_COLUMN, SOURCE_COLUMN, relation
from headwater.spec.contract import Contract
from headwater.spec.declarations import Source, SourceChanges
from headwater.types import Column, DataType, RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["keyed_source", "rows_of"]

_boolean: Final = DataType.parse("BOOLEAN")

_envelope: Final = {
    "ts_ms": "BIGINT",
    "ts_us": "BIGINT",
    "ts_ns": "BIGINT",
    "source.ts_ms": "BIGINT",
    "source.ts_us": "BIGINT",
    "source.ts_ns": "BIGINT",
    "source.lsn": "BIGINT",
    "source.file": "VARCHAR",
    "source.pos": "BIGINT",
}
"""The members of Debezium's envelope that may tell the newer change, and their types."""


def rows_of(source: Source, discovered: Schema) -> Schema:
    """The columns of a keyed source's rows, of the columns that its records were found to have.

    Raises:
        DeclarationError: they are no envelopes, though the source says so.
    """
    if source.changes is None or source.changes.kind == "upsert":
        return discovered
    after = discovered.get("after")
    if after is None or after.type.name != "STRUCT":
        raise DeclarationError(
            f"the records of '{source.relation}' are no envelopes: 'after' is {_found(after)}",
            detail="Debezium's records have before, after and op; without them the columns of the rows are not known",
            hint="declare the columns of the rows, or take 'kind: debezium' out where records are the rows themselves",
            where=source.changes.place_of("kind"),
        )
    return Schema(tuple(Column(field.name, field.type) for field in after.type.fields))


def keyed_source(source: Source, declared: SourceChanges, rows: Schema, contract: Contract | None) -> KeyedSource:
    """All that a run must know of a keyed source.

    Args:
        rows: the columns of its rows.

    Raises:
        DeclarationErrors: what is declared does not fit the columns.
    """
    named = _Names(source, declared, rows)
    key = named.key(contract)
    if declared.kind == "debezium":
        envelope = _debezium(source.relation, declared, rows, named)
    else:
        envelope = _upsert(source.relation, declared, rows, named)
    if named.errors:
        raise DeclarationErrors(named.errors)
    return KeyedSource(
        kind=declared.kind,
        key=key,
        required={**{name: name for name in key}, **envelope.order},
        records=envelope.records,
        changes=envelope.changes,
        query=envelope.query,
        program=compile_upserts(source.relation, rows, key=key, order=tuple(envelope.order)),
    )


@frozen
class _Envelope:
    """How records become changes: ``order`` are columns of ``changes``, and what the declaration calls them."""

    records: Schema
    changes: Schema
    query: str
    order: Mapping[str, str]


@frozen
class _Names:
    """Finds the columns that the declaration names; what is not there is an error, all of them collected."""

    source: Source
    declared: SourceChanges
    rows: Schema
    errors: list[DeclarationError] = field(default_factory=list)

    def key(self, contract: Contract | None) -> tuple[str, ...]:
        """The columns of the key: as declared, else the contract's."""
        named = self.declared.key or (contract.primary_key if contract else ())
        if not named:
            self.wrong(
                "changes",
                f"the changes of '{self.source.relation}' have no key",
                "declare it: key: [column, ...]; or a primary key in the source's contract",
            )
        return self.columns("key", named)

    def columns(self, part: str, named: Sequence[str]) -> tuple[str, ...]:
        """Columns of the rows, spelled as they are there."""
        found = [(name, self.rows.get(name)) for name in dict.fromkeys(named)]
        for name, column in found:
            if column is None:
                message = f"{part} names '{name}', which is no column of '{self.source.relation}'"
                self.wrong(part, message, did_you_mean(name, self.rows.names))
        return tuple(column.name for _, column in found if column is not None)

    def wrong(self, part: str, message: str, hint: str | None) -> None:
        self.errors.append(DeclarationError(message, hint=hint, where=self.declared.place_of(part)))


def _upsert(name: RelationName, declared: SourceChanges, rows: Schema, named: _Names) -> _Envelope:
    """Records are rows, and one of their columns may say that the key is gone."""
    order = named.columns("order", declared.order)
    deleted = "FALSE"
    if declared.delete is not None:
        found = named.columns("delete", (declared.delete.column,))
        deleted = _deletion(rows, found[0], declared.delete.values) if found else deleted
    changes = Schema((*rows, Column(DELETED_COLUMN, _boolean)))
    return _Envelope(rows, changes, _query(name, [*map(quote_identifier, rows.names), deleted], changes), _same(order))


def _deletion(rows: Schema, column: str, values: tuple[str, ...] | None) -> str:
    found, name = rows.get(column), quote_identifier(column)
    if values is not None:
        return f"coalesce(CAST({name} AS VARCHAR) IN ({', '.join(map(text_literal, values))}), FALSE)"
    return f"coalesce({name}, FALSE)" if found is not None and found.type == _boolean else f"{name} IS NOT NULL"


def _debezium(name: RelationName, declared: SourceChanges, rows: Schema, named: _Names) -> _Envelope:
    """Records are envelopes: the row is in ``after``, of a deletion in ``before``."""
    if declared.delete is not None:
        named.wrong("delete", "'delete' is not declared for debezium", "op tells what is deleted: leave it out")
    for path in declared.order:
        if path not in _envelope:
            message = f"order names '{path}', which is not known of Debezium's envelope"
            named.wrong("order", message, did_you_mean(path, _envelope))
    paths = [path for path in dict.fromkeys(declared.order) if path in _envelope]
    row = DataType("STRUCT", fields=tuple(Column(column.name, column.type) for column in rows))
    inner = tuple(Column(path.partition(".")[2], _type(path)) for path in paths if "." in path)
    records = Schema(
        (
            Column("before", row),
            Column("after", row),
            Column("op", DataType("VARCHAR")),
            *(Column(path, _type(path)) for path in paths if "." not in path),
            *([Column("source", DataType("STRUCT", fields=inner))] if inner else ()),
        )
    )
    order = {f"_hw_order{at}": path for at, path in enumerate(paths, 1)}
    changes = Schema(
        (*rows, Column(DELETED_COLUMN, _boolean), *(Column(hidden, _type(path)) for hidden, path in order.items()))
    )
    deleted = "coalesce(\"op\" = 'd', FALSE)"
    values = [
        f"CASE WHEN {deleted} THEN {_member('before', column.name)} ELSE {_member('after', column.name)} END"
        for column in rows
    ]
    return _Envelope(records, changes, _query(name, [*values, deleted, *map(_path, paths)], changes), order)


def _type(path: str) -> DataType:
    return DataType.parse(_envelope[path])


def _path(path: str) -> str:
    outer, dot, inner = path.partition(".")
    return _member(outer, inner) if dot else quote_identifier(outer)


def _member(column: str, name: str) -> str:
    return f"struct_extract({quote_identifier(column)}, {text_literal(name)})"


def _query(name: RelationName, values: Sequence[str], changes: Schema) -> str:
    named = ", ".join(
        f"{value} AS {quote_identifier(column.name)}" for value, column in zip(values, changes, strict=True)
    )
    return f"SELECT {named}, {SOURCE_COLUMN}, {OFFSET_COLUMN} FROM {relation('records', name)}"


def _same(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}


def _found(column: Column | None) -> str:
    return "missing" if column is None else f"of type {column.type}"
