"""Calls of aggregates and of functions over windows of rows, as they stand in expressions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headwater.incremental.aggregates import is_aggregate

__all__ = ["is_grouped", "is_grouping", "outermost_aggregates", "outermost_windows"]


def outermost_aggregates(trees: Sequence[exp.Expr]) -> list[exp.Expr]:
    """The aggregate calls with their FILTER; functions over windows of rows are none, nor are those of subqueries."""
    found: dict[exp.Expr, None] = {}
    waiting = list(trees)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, exp.Query):
            continue
        if isinstance(node, exp.Window):
            inside = list(node.this.iter_expressions())
            waiting = [*inside, *(part for part in node.iter_expressions() if part is not node.this), *waiting]
        elif _is_call(node):
            found[node] = None
        else:
            waiting = [*node.iter_expressions(), *waiting]
    return list(found)


def outermost_windows(tree: exp.Expr) -> list[exp.Expr]:
    """The calls of functions over windows of rows."""
    found: list[exp.Expr] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Window):
            found.append(node)
        elif not isinstance(node, exp.Query):
            waiting.extend(node.iter_expressions())
    return found


def is_grouped(select: exp.Select) -> bool:
    """Whether a SELECT brings rows together to groups."""
    having = select.args.get("having")
    trees = [*select.expressions, *([having.this] if having is not None else [])]
    return select.args.get("group") is not None or bool(outermost_aggregates(trees))


def is_grouping(call: exp.Expr) -> bool:
    """Whether a call tells which keys a row is not grouped by."""
    named = isinstance(call, exp.Anonymous) and call.name.lower() in ("grouping", "grouping_id")
    return named or isinstance(call, exp.Grouping | exp.GroupingId)


def _is_call(node: exp.Expr) -> bool:
    if isinstance(node, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        return _is_call(node.this)
    return is_aggregate(node) or is_grouping(node)
