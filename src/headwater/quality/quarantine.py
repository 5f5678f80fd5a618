"""The quarantine table: its columns, and how a refused row and a malformed record become rows of it.

Apart from judging because replay and reports read the same table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from headwater.quality.literals import text_literal
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.types import Column, DataType, RelationName, Schema, quote_identifier

__all__ = [
    "QUARANTINE_SCHEMA",
    "RUN",
    "malformed_part",
    "quarantined",
    "refused_part",
    "row_from_json",
    "row_to_json",
    "run_statement",
]

QUARANTINE_SCHEMA: Final = Schema.of(
    {
        "quarantine_id": "VARCHAR",
        "run": "VARCHAR",
        "epoch": "BIGINT",
        "relation": "VARCHAR",
        "codes": "VARCHAR[]",
        "contract_version": "VARCHAR",
        "source": "VARCHAR",
        "offset": "BIGINT",
        "raw": "VARCHAR",
        "row": "VARCHAR",
        "message": "VARCHAR",
        "quarantined_at": "TIMESTAMP WITH TIME ZONE",
    }
)
"""Columns of every ``<port>__quarantine``.

``codes`` are the reasons, in the contract's order; ``raw`` is the text of a record
that could not be decoded and ``message`` why; ``row`` is a refused row as JSON. Both are
NULL for a late row whose contract drops such rows: what stays is where it was, so that it is
not taken for an admitted one when its source is read again.
"""

RUN: Final = quote_identifier("run")
"""The work relation that says which run and epoch judges: one row, made by :func:`run_statement`."""

_separator: Final = "chr(31)"


def run_statement(run: str, epoch: int, at: datetime) -> Statement:
    """Create :data:`RUN` before the statements of a judging are run: ``run``, ``epoch``, ``at``."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    return Statement(
        RUN,
        f"SELECT {text_literal(run)} AS run, CAST({epoch} AS BIGINT) AS epoch, "
        f"CAST({text_literal(moment)} AS TIMESTAMP WITH TIME ZONE) AS at",
    )


def row_to_json(schema: Schema) -> str:
    """An expression that yields a row as JSON text, from which :func:`row_from_json` restores it exactly.

    Whole numbers, truth values and finite floats are JSON's own; everything else
    is the text of its value, for JSON's numbers keep neither decimals nor infinities.
    """
    members = ", ".join(f"{text_literal(column.name)}: {_value_to_json(column)}" for column in schema)
    return f"CAST(to_json({{{members}}}) AS VARCHAR)"


def row_from_json(schema: Schema, row: str) -> Mapping[str, str]:
    """For each column the expression that restores it from the JSON text that ``row`` yields."""
    return {column.name: _value_from_json(column, row) for column in schema}


_native: Final = frozenset({"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}) | frozenset(
    {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "VARCHAR"}
)


def _value_to_json(column: Column) -> str:
    name = quote_identifier(column.name)
    if column.type.name in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({name}) THEN to_json({name}) ELSE to_json(CAST({name} AS VARCHAR)) END"
    text = _text_type(column.type)
    return name if text == column.type else f"CAST({name} AS {text})"


def _value_from_json(column: Column, row: str) -> str:
    path = text_literal('$."' + column.name.replace('"', '\\"') + '"')
    if column.type.name in ("LIST", "ARRAY", "STRUCT", "MAP"):
        text = _text_type(column.type)
        return f"CAST(CAST(json_extract({row}, {path}) AS {text}) AS {column.type})"
    return f"CAST(json_extract_string({row}, {path}) AS {column.type})"


def _text_type(type: DataType) -> DataType:
    """The type in which every value that JSON cannot hold exactly is text."""
    match type.name:
        case "LIST" | "ARRAY" if type.element:
            return DataType(type.name, type.arguments, element=_text_type(type.element))
        case "MAP" if type.element and type.key:
            return DataType("MAP", element=_text_type(type.element), key=_text_type(type.key))
        case "STRUCT":
            return DataType("STRUCT", fields=tuple(Column(f.name, _text_type(f.type)) for f in type.fields))
        case _:
            return type if type.name in _native else DataType("VARCHAR")


def quarantined(name: RelationName, version: str, parts: Sequence[str], *, epoch_in_id: bool) -> str:
    """The query that gives refused rows the columns of :data:`QUARANTINE_SCHEMA`.

    ``parts`` are queries of ``source, "offset", raw, "row", codes, message``. The
    id names the row and not the verdict: the same row judged again in the same
    epoch has the same id; equal rows without origin are told apart by a number.
    """
    refused = " UNION ALL ".join(parts)
    origin = f"CASE WHEN source IS NULL THEN CAST({RUN}.epoch AS VARCHAR) ELSE '' END" if epoch_in_id else "''"
    identity = [
        text_literal(str(name)),
        "coalesce(source, '')",
        "coalesce(CAST(\"offset\" AS VARCHAR), '')",
        "coalesce(raw, '')",
        "coalesce(\"row\", '')",
        origin,
        "CAST(ordinal AS VARCHAR)",
    ]
    return (
        f"WITH refused AS ({refused}), numbered AS (SELECT *, row_number() OVER "
        f'(PARTITION BY source, "offset", raw, "row") AS ordinal FROM refused) '
        f"SELECT md5({f' || {_separator} || '.join(identity)}) AS quarantine_id, {RUN}.run AS run, "
        f"{RUN}.epoch AS epoch, {text_literal(str(name))} AS relation, codes, "
        f'{text_literal(version)} AS contract_version, source, "offset", raw, "row", message, '
        f"{RUN}.at AS quarantined_at FROM numbered, {RUN}"
    )


def refused_part(schema: Schema, codes: str, source: str, *, without: str | None = None) -> str:
    """A part of :func:`quarantined`: rows of ``source`` (FROM and WHERE) with their codes.

    Where the condition ``without`` holds, the row itself is not kept.
    """
    row = row_to_json(schema)
    if without is not None:
        row = f"CASE WHEN NOT ({without}) THEN {row} END"
    return (
        f'SELECT {SOURCE_COLUMN} AS source, {OFFSET_COLUMN} AS "offset", CAST(NULL AS VARCHAR) AS raw, '
        f'{row} AS "row", {codes} AS codes, CAST(NULL AS VARCHAR) AS message FROM {source}'
    )


def malformed_part(name: RelationName) -> str:
    """A part of :func:`quarantined`: the records of a source that could not be decoded."""
    return (
        f'SELECT {SOURCE_COLUMN} AS source, {OFFSET_COLUMN} AS "offset", raw, CAST(NULL AS VARCHAR) AS "row", '
        f"[code] AS codes, message FROM {relation('malformed', name)}"
    )
