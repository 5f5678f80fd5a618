"""Spellings that mean the same, made the same before names are resolved.

Apart from resolution because these rules need no schema: a function called on a
value (``x.upper()``) is the function with that value first; keywords that
sqlglot keeps as text are written in capitals; parentheses that change nothing
are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlglot import exp

__all__ = ["normalise"]

_units: Final = {
    f"{unit}S": unit
    for unit in ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
}


def normalise(nodes: Iterable[exp.Expr]) -> None:
    """Rewrite a parsed query in place, given all its nodes."""
    for node in list(nodes):
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
            _call(node)
        elif isinstance(node, exp.Paren):
            if _is_redundant(node):
                node.replace(node.this)
        elif isinstance(node, exp.WindowSpec):
            for key in ("kind", "start", "start_side", "end", "end_side"):
                if isinstance(node.args.get(key), str):
                    node.set(key, node.args[key].upper())
        elif isinstance(node, exp.Interval):
            unit = node.args.get("unit")
            if isinstance(unit, exp.Var):
                unit.set("this", _units.get(unit.name.upper(), unit.name.upper()))


def _is_redundant(node: exp.Paren) -> bool:
    """Whether a pair of parentheses changes nothing: around one name or value, and around a whole condition."""
    if isinstance(node.this, exp.Column | exp.Literal | exp.Boolean | exp.Null | exp.Paren):
        return not isinstance(node.parent, exp.Interval | exp.Dot | exp.Bracket | exp.Select)
    return isinstance(node.parent, exp.Where | exp.Having | exp.Qualify) or node.arg_key == "on"


def _call(node: exp.Dot) -> None:
    """``value.f(x)`` becomes ``f(value, x)``."""
    function = node.expression
    value = node.this
    names = _names(value)
    if names is not None:
        value = exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(names), strict=False)))
    if isinstance(function, exp.Anonymous):
        function.set("expressions", [value, *function.expressions])
        node.replace(function)


def _names(value: exp.Expr) -> list[exp.Identifier] | None:
    if isinstance(value, exp.Identifier):
        return [value]
    if isinstance(value, exp.Dot) and isinstance(value.expression, exp.Identifier):
        before = _names(value.this)
        return [*before, value.expression] if before is not None and len(before) < 4 else None
    return None
