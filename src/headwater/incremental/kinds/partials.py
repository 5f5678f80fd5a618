"""Aggregates as partial results that merge: what is kept of a group instead of its rows.

An aggregate that has no entry here is computed from rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Aggregate, Item
from headwater.incremental.algebra.render import sql
from headwater.incremental.flows import Build, diff
from headwater.types import DataType, quote_identifier
from headwater.values import frozen

__all__ = ["Part", "Partial", "partials_of"]


@frozen
class Part:
    """A column of a partial result: from rows by ``first``, from partial results by ``merge``."""

    name: str
    first: str
    merge: str


@frozen
class Partial:
    """An aggregate of the query: its partial columns, and its value from merged ones."""

    name: str
    parts: tuple[Part, ...]
    final: str


_merging_themselves: Final = (
    exp.Min,
    exp.Max,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.AnyValue,
    exp.BitwiseAndAgg,
    exp.BitwiseOrAgg,
    exp.BitwiseXorAgg,
)
_spreads: Final = (exp.Variance, exp.VariancePop, exp.Stddev, exp.StddevPop, exp.StddevSamp)
_narrow: Final = frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"})
"""Types the squares of which, and the number of rows times their sum, are whole numbers that do not overflow."""

_exact: Final = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})


def partials_of(node: Aggregate, build: Build, *, taken_back: bool) -> tuple[Partial, ...] | None:
    """The aggregates of an operator as partials; None when one of them needs rows.

    Args:
        taken_back: rows may be lost as well: only what can be subtracted exactly is a partial then.
    """
    calls = [_call(item) for item in node.aggregates]
    if any(call is None for call in calls):
        return None
    known = [call for call in calls if call is not None]
    results, types = _types(node, [argument for _, argument, _ in known], build)
    found = [
        _partial(item.name, call, condition, kind, taken_back=taken_back)
        for item, (call, _, condition), kind in zip(node.aggregates, known, types, strict=True)
    ]
    return (
        tuple(
            replace(each, final=f"CAST({each.final} AS {result})")
            for each, result in zip(found, results, strict=True)
            if each is not None
        )
        if all(found)
        else None
    )


def _call(item: Item) -> tuple[exp.Expr, exp.Expr | None, exp.Expr | None] | None:
    """An aggregate call, its first argument (None: it counts rows) and its FILTER; None when its form is another."""
    node, condition = item.expression, None
    if isinstance(node, exp.Filter):
        condition, node = node.expression.this, node.this
    argument = node.this
    if not isinstance(node, (*_merging_themselves, *_spreads, exp.Count, exp.Sum, exp.Avg, exp.ArgMax, exp.ArgMin)):
        return None
    if isinstance(node, exp.Count) and (argument is None or isinstance(argument, exp.Star)):
        return node, None, condition
    if not isinstance(argument, exp.Expr) or isinstance(argument, exp.Distinct | exp.Order):
        return None
    further = [part for key, part in node.args.items() if key != "this" and part]
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return (node, argument, condition) if not node.args.get("count") else None
    return None if any(isinstance(part, list | exp.Expr) for part in further) else (node, argument, condition)


def _types(
    node: Aggregate, arguments: Sequence[exp.Expr | None], build: Build
) -> tuple[list[DataType], list[DataType | None]]:
    """The types of the aggregates and of their arguments, from one question to the binder."""
    probes = [
        Item(f"argument{at}", exp.AnyValue(this=argument.copy()))
        for at, argument in enumerate(arguments)
        if argument is not None
    ]
    names = tuple(probe.name for probe in probes)
    probed = replace(node, aggregates=(*node.aggregates, *probes), columns=(*node.columns, *names))
    found = [column.type for column in build.describe(probed)][len(node.keys) :]
    results, of_arguments = found[: len(arguments)], iter(found[len(arguments) :])
    return results, [None if argument is None else next(of_arguments) for argument in arguments]


def _partial(
    name: str, call: exp.Expr, condition: exp.Expr | None, kind: DataType | None, *, taken_back: bool
) -> Partial | None:
    where = f" FILTER (WHERE {sql(condition)})" if condition is not None else ""
    value, count = quote_identifier(f"{name}.value"), quote_identifier(f"{name}.count")
    match call:
        case exp.Count():
            counted = _counted(call)
            signed = f"sum(CASE WHEN NOT ({counted}) THEN 0 WHEN {diff} > 0 THEN 1 ELSE -1 END){where}"
            first = signed if taken_back else f"{sql(call)}{where}"
            part = Part(count, f"coalesce(CAST({first} AS BIGINT), 0)", f"CAST(coalesce(sum({count}), 0) AS BIGINT)")
            return Partial(name, (part,), count)
        case exp.Sum() | exp.Avg() if kind is not None and _adds(kind, exactly=taken_back):
            return _sum(name, call, where, taken_back=taken_back)
        case _ if isinstance(call, _spreads) and kind is not None and kind.name in _narrow:
            return _spread(name, call, where, taken_back=taken_back)
        case exp.ArgMax() | exp.ArgMin() if not taken_back:
            return _extreme(name, call, where)
        case _ if isinstance(call, _merging_themselves) and not taken_back:
            merged = call.copy()
            merged.set("this", exp.column(exp.to_identifier(f"{name}.value", quoted=True)))
            return Partial(name, (Part(value, f"{sql(call)}{where}", sql(merged)),), value)
        case _:
            return None


def _sum(name: str, call: exp.Expr, where: str, *, taken_back: bool) -> Partial:
    """A sum and how many terms it has: without terms it is NULL."""
    value, count = quote_identifier(f"{name}.value"), quote_identifier(f"{name}.count")
    argument = sql(call.this)
    gained = f"{diff} > 0" if taken_back else "true"
    number = f"sum(CASE WHEN {argument} IS NULL THEN 0 WHEN {gained} THEN 1 ELSE -1 END){where}"
    term = f"CASE WHEN {diff} > 0 THEN {argument} ELSE -{argument} END" if taken_back else argument
    parts = (
        Part(value, f"sum({term}){where}", f"sum({value})"),
        Part(count, f"coalesce(CAST({number} AS BIGINT), 0)", f"CAST(coalesce(sum({count}), 0) AS BIGINT)"),
    )
    total = f"CAST({value} AS DOUBLE) / {count}" if isinstance(call, exp.Avg) else value
    return Partial(name, parts, f"CASE WHEN {count} > 0 THEN {total} END")


def _spread(name: str, call: exp.Expr, where: str, *, taken_back: bool) -> Partial:
    """Variance and standard deviation of whole numbers, from exact sums of them and of their squares."""
    total, squares, count = (quote_identifier(f"{name}.{part}") for part in ("value", "squares", "count"))
    argument = f"CAST({sql(call.this)} AS BIGINT)"
    sign = f"CASE WHEN {diff} > 0 THEN 1 ELSE -1 END * " if taken_back else ""
    number = f"sum({sign}CASE WHEN {argument} IS NULL THEN 0 ELSE 1 END){where}"
    parts = (
        Part(total, f"sum({sign}{argument}){where}", f"sum({total})"),
        Part(squares, f"sum({sign}{argument} * {argument}){where}", f"sum({squares})"),
        Part(count, f"coalesce(CAST({number} AS BIGINT), 0)", f"CAST(coalesce(sum({count}), 0) AS BIGINT)"),
    )
    least = 0 if isinstance(call, exp.VariancePop | exp.StddevPop) else 1
    spread = f"CAST({count} * {squares} - {total} * {total} AS DOUBLE) / {count} / ({count} - {least})"
    if not isinstance(call, exp.Variance | exp.VariancePop):
        spread = f"sqrt({spread})"
    return Partial(name, parts, f"CASE WHEN {count} > {least} THEN {spread} END")


def _counted(call: exp.Expr) -> str:
    """The condition that a row is counted."""
    if call.this is None or isinstance(call.this, exp.Star):
        return "true"
    return f"{sql(call.this)} IS NOT NULL"


def _extreme(name: str, call: exp.Expr, where: str) -> Partial:
    """``arg_max(x, y)``: the value, and the y it came with."""
    value, by = quote_identifier(f"{name}.value"), quote_identifier(f"{name}.by")
    word, extreme = ("arg_max", "max") if isinstance(call, exp.ArgMax) else ("arg_min", "min")
    ordered = f"CASE WHEN {sql(call.this)} IS NOT NULL THEN {sql(call.expression)} END"
    parts = (
        Part(value, f"{sql(call)}{where}", f"{word}({value}, {by})"),
        Part(by, f"{extreme}({ordered}){where}", f"{extreme}({by})"),
    )
    return Partial(name, parts, value)


def _adds(kind: DataType, *, exactly: bool) -> bool:
    if kind.name in _exact or kind.name == "DECIMAL":
        return True
    return not exactly and kind.name in ("DOUBLE", "FLOAT")
