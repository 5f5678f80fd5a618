"""Constructs whose result depends on the order in which rows arrive, told as warnings.

Apart from the guard because nothing here is refused: a LIMIT without an order
is legal, but two runs over the same rows may keep different ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlglot import exp

from headwater.sql.analysis import QueryWarning
from headwater.sql.functions import order_dependent
from headwater.sql.guard import function_name
from headwater.sql.text import QueryText, position

__all__ = ["order_warnings"]

_suspects: Final = (exp.Query, exp.Join, exp.Window, exp.AggFunc, exp.Anonymous)
_positional: Final = frozenset({"row_number", "lag", "lead", "first_value", "last_value", "nth_value", "ntile", "fill"})
_insensitive_parents: Final = (exp.ArraySort, exp.ArraySize)
_sorting: Final = frozenset({"list_sort", "array_sort", "list_reverse_sort", "len", "list_sum", "list_min", "list_max"})


def order_warnings(nodes: Iterable[exp.Expr], text: QueryText) -> tuple[QueryWarning, ...]:
    """The warnings of a parsed query, given all its nodes, in the order of the text."""
    found = [
        (position(node), message, hint)
        for node in nodes
        if isinstance(node, _suspects)
        for message, hint in _messages(node)
    ]
    return tuple(QueryWarning(message, hint, text.location(at)) for at, message, hint in sorted(set(found)))


def _messages(node: exp.Expr) -> Iterator[tuple[str, str]]:
    match node:
        case exp.Select() | exp.SetOperation() | exp.Subquery():
            yield from _limits(node)
        case exp.Join() if str(node.args.get("method") or "").upper() == "POSITIONAL":
            yield "POSITIONAL JOIN pairs rows by their order", "join on a key"
        case exp.Window():
            name = function_name(node.this)
            if name in _positional and node.args.get("order") is None and not node.args.get("alias"):
                yield f"{name}() without ORDER BY numbers rows arbitrarily", "add ORDER BY inside OVER (...)"
        case exp.AggFunc() | exp.Anonymous():
            name = function_name(node)
            if name in order_dependent and not _ordered(node):
                yield (
                    f"{name}() depends on the order of rows",
                    f"write {name}(x ORDER BY key)" if name != "any_value" else "use min(x), max(x) or arg_min(x, key)",
                )
        case _:
            return


def _ordered(node: exp.Expr) -> bool:
    """Whether an aggregate has an order of its own, or stands where order does not matter."""
    if node.find(exp.Order) is not None:
        return True
    parent = node.parent
    while isinstance(parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        if parent.args.get("order") is not None or isinstance(parent.expression, exp.Order):
            return True
        parent = parent.parent
    if isinstance(parent, exp.Window):
        return parent.args.get("order") is not None
    return isinstance(parent, _insensitive_parents) or (parent is not None and function_name(parent) in _sorting)


def _limits(node: exp.Expr) -> Iterator[tuple[str, str]]:
    distinct = node.args.get("distinct") if isinstance(node, exp.Select) else None
    order = node.args.get("order")
    if distinct is not None and distinct.args.get("on") is not None and order is None:
        yield "DISTINCT ON without ORDER BY keeps an arbitrary row of each group", "add ORDER BY"
    if node.args.get("limit") is None and node.args.get("offset") is None:
        return
    if order is None:
        yield "LIMIT without ORDER BY keeps arbitrary rows", "add ORDER BY over columns that tell all rows apart"
    elif not _total(node, order):
        yield (
            "LIMIT keeps arbitrary rows among those that are equal in ORDER BY",
            "add a column to ORDER BY that tells all rows apart",
        )


def _total(node: exp.Expr, order: exp.Order) -> bool:
    """Whether an order certainly tells all rows apart: it names every output column or every grouping key."""
    keys = {_key(ordered.this) for ordered in order.expressions}
    if any(isinstance(ordered.this, exp.Var) for ordered in order.expressions):
        return True
    select = node if isinstance(node, exp.Select) else None
    if select is None:
        return False
    group = select.args.get("group")
    values = {projection.alias.lower(): _key(projection.unalias()) for projection in select.expressions}
    reached = keys | {values[key] for key in keys if key in values}
    if group is not None and group.expressions:
        numbered = {str(at + 1): _key(each.unalias()) for at, each in enumerate(select.expressions)}
        return all((key := _key(each)) in reached or numbered.get(key) in reached for each in group.expressions)
    outputs = [_key(projection.unalias()) for projection in select.expressions]
    return bool(outputs) and not any(each.is_star for each in select.expressions) and set(outputs) <= reached


def _key(node: exp.Expr) -> str:
    if isinstance(node, exp.Column):
        return str(node.name).lower()
    return str(node.name) if isinstance(node, exp.Literal) else node.sql().lower()
