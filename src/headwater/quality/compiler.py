"""From a contract to its judgement: every rule becomes a check, a note or an error.

The one entry to rule compilation; each sort of rule has its own module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.quality.checks import Check, DatasetCheck, Judgement, KeyCheck, ReferenceCheck, Unjudged
from headwater.quality.metrics import metric_checks
from headwater.quality.rows import Found, required_column, row_checks
from headwater.quality.times import calendar_check
from headwater.relations import CONTENT
from headwater.spec.contract import Budget, Contract, EventTime, Reference
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["compile_judgement"]


def compile_judgement(contract: Contract, relation: RelationName, schema: Schema) -> Judgement:
    """All checks of a contract for a relation with these columns.

    Properties that the relation lacks are passed over: :func:`headwater.quality.agree`
    reports them.

    Raises:
        DeclarationErrors: rules that cannot be evaluated, all of the contract's at once.
    """
    checks: list[Check] = []
    unjudged: list[Unjudged] = []
    errors: list[DeclarationError] = []
    for found in _found(contract, relation, schema):
        match found:
            case DeclarationError():
                errors.append(found)
            case Unjudged():
                unjudged.append(found)
            case _:
                checks.append(found)
    if errors:
        raise DeclarationErrors(errors)
    budget = contract.budget or Budget()
    timed = _event_time(contract, schema)
    return Judgement(contract.id, contract.version, _distinct(checks), budget, tuple(unjudged), timed)


def _found(contract: Contract, relation: RelationName, schema: Schema) -> Iterator[Found]:
    for promised in contract.properties:
        column = schema.get(promised.name)
        if column is not None:
            yield from row_checks(promised, column)
    if contract.event_time is not None:
        timed = schema.get(contract.event_time.column)
        if timed is not None:
            yield required_column(timed)
            if timed.type.name.startswith(("TIMESTAMP", "DATE")):
                yield calendar_check(timed)
    yield from _keys(contract, schema)
    for reference in contract.references:
        yield from _reference(reference, relation, schema)
    for promised in contract.properties:
        column = schema.get(promised.name)
        if column is not None:
            yield from metric_checks(promised.rules, relation, schema, column)
    yield from metric_checks(contract.rules, relation, schema, None)


def _event_time(contract: Contract, schema: Schema) -> EventTime | None:
    """The contract's event time by the relation's own column; None when there is none, or no such column."""
    declared = contract.event_time
    column = schema.get(declared.column) if declared else None
    return replace(declared, column=column.name, where=None) if declared and column else None


def _keys(contract: Contract, schema: Schema) -> Iterator[KeyCheck]:
    """The minimal keys: a key that contains another one promises nothing more."""
    keys: list[tuple[str, ...]] = [(promised.name,) for promised in contract.properties if promised.unique]
    if contract.primary_key and contract.primary_key not in keys:
        keys.append(contract.primary_key)
    for key in keys:
        columns = _columns(key, schema)
        smaller = any(set(other) < set(key) for other in keys)
        if columns is not None and not smaller:
            yield KeyCheck(f"unique:{','.join(columns)}", columns, f"{', '.join(columns)} is unique")


def _reference(reference: Reference, relation: RelationName, schema: Schema) -> Iterator[Found]:
    columns = _columns(reference.columns, schema)
    to = RelationName.parse(reference.to) if "." in reference.to else RelationName(relation.product, reference.to)
    if len(reference.columns) != len(reference.to_columns):
        yield DeclarationError(
            f"the reference to '{to}' does not pair its columns",
            detail=f"{', '.join(reference.columns)} with {', '.join(reference.to_columns)}",
            where=reference.where,
        )
        return
    if columns is None:
        missing = next(name for name in reference.columns if schema.get(name) is None)
        yield DeclarationError(f"the reference to '{to}' names '{missing}', which is no column", where=reference.where)
        return
    code = f"reference:{','.join(columns)}->{to}.{','.join(reference.to_columns)}"
    description = f"{', '.join(columns)} stands in {to} ({', '.join(reference.to_columns)})"
    if to == relation:
        yield _own_reference(code, columns, reference.to_columns, description)
    else:
        yield ReferenceCheck(code, columns, to, reference.to_columns, description)


def _own_reference(code: str, columns: tuple[str, ...], to: tuple[str, ...], description: str) -> DatasetCheck:
    """A reference inside one relation is judged on the whole: refusing a row would orphan others."""
    complete = " AND ".join(f"child.{quote_identifier(name)} IS NOT NULL" for name in columns)
    same = " AND ".join(
        f"parent.{quote_identifier(there)} = child.{quote_identifier(here)}"
        for here, there in zip(columns, to, strict=True)
    )
    query = (
        f"SELECT count(*) FROM {CONTENT} AS child WHERE {complete} "
        f"AND NOT EXISTS (SELECT 1 FROM {CONTENT} AS parent WHERE {same})"
    )
    return DatasetCheck(code, query, "mustBe", 0, "error", f"rows whose {description}, missing", None, (*columns, *to))


def _columns(names: Sequence[str], schema: Schema) -> tuple[str, ...] | None:
    """The names as the schema spells them; None when it lacks one."""
    found = [column.name for name in names if (column := schema.get(name)) is not None]
    return tuple(found) if len(found) == len(names) else None


def _distinct(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Equal checks once; different checks with one code numbered, so that a code names one check."""
    kept: dict[str, Check] = {}
    for check in checks:
        if kept.get(check.code) == check:
            continue
        code, number = check.code, 1
        while code in kept:
            number += 1
            code = f"{check.code}#{number}"
        kept[code] = check if code == check.code else replace(check, code=code)
    return tuple(kept.values())
