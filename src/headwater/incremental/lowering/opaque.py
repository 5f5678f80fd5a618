"""A block that no operators express, as one operator that is computed anew from rows that are maintained.

Apart from the other queries because it keeps the text of the block, and only names what it reads anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from headwater.incremental.algebra.nodes import Item, Node, Opaque, Relation
from headwater.incremental.lowering.names import from_aliases
from headwater.incremental.lowering.query import Scope
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, projected
from headwater.incremental.lowering.using import item_columns
from headwater.sql.windows import WINDOW_COLUMNS, WindowCall, window_call

__all__ = ["opaque"]


def opaque(tree: exp.Expr, scope: Scope, reason: Unmaintainable) -> Opaque:
    """A query as one operator over the relations and CTEs that it reads; the tree stays as it is.

    Args:
        reason: why it has no operators.

    Raises:
        Unmaintainable: ``reason`` again, where its columns or what it reads are not known by name.
    """
    copy = tree.copy()
    if not isinstance(copy, exp.Query):
        raise reason
    names = tuple(copy.named_selects)
    if not names or not all(names) or "*" in names or len({name.casefold() for name in names}) != len(names):
        raise reason
    if _reads_beside(copy):
        raise reason
    if copy.args.get("order") is not None and not (copy.args.get("limit") or copy.args.get("offset")):
        copy.set("order", None)
    inputs: dict[str, tuple[str, Node]] = {}
    for table in _outside(copy):
        call = window_call(table)
        key = table.sql() if call is not None else table.name.casefold()
        if key not in inputs:
            node = _windowed(call, copy, scope, reason) if call is not None else _read(table, copy, scope, reason)
            inputs[key] = (f"input{len(inputs) + 1}", node)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        table.set("this", exp.to_identifier(inputs[key][0], quoted=True))
        table.set("alias", alias)
        table.set("db", None)
    nodes = tuple(node for _, node in inputs.values())
    return Opaque(scope.block, nodes, copy, reason.why, reason.cheaper, names)


def _outside(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables of a query that are not its own CTEs; those inside a window call belong to the call."""
    own = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if _in_window_call(table):
            continue
        if isinstance(table.this, exp.Identifier):
            if table.name.casefold() not in own:
                yield table
        elif window_call(table) is not None:
            yield table


def _in_window_call(node: exp.Expr) -> bool:
    inside = node.find_ancestor(exp.Anonymous)
    return inside is not None and isinstance(inside.parent, exp.Table) and window_call(inside.parent) is not None


def _read(table: exp.Table, tree: exp.Expr, scope: Scope, reason: Unmaintainable) -> Node:
    folded = table.name.casefold()
    if folded in scope.ctes:
        return scope.ctes[folded]
    relation, known = scope.relations.get(folded), scope.columns_of(folded)
    if relation is None or known is None:
        raise reason
    used = known if _needs_all(tree) else tuple(name for name in known if name.casefold() in _used(tree))
    return Relation(str(relation), relation, used or known[:1])


def _windowed(call: WindowCall, tree: exp.Expr, scope: Scope, reason: Unmaintainable) -> Node:
    from headwater.incremental.lowering.sources import lower_item

    inner = item_columns(call.relation, scope)
    alias = call.relation.alias_or_name
    if inner is None or window_call(call.relation) is not None:
        raise reason
    if _needs_all(tree):
        wanted = inner | frozenset(WINDOW_COLUMNS)
    else:
        wanted = (inner | frozenset(WINDOW_COLUMNS)) & _used(tree)
    item = exp.Table(this=call.node.copy(), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    node = lower_item(item, {(alias, name) for name in wanted}, scope)
    return projected(node.name, node, [Item(name.partition(".")[2], column(name)) for name in node.columns])


def _used(tree: exp.Expr) -> frozenset[str]:
    names = {part.name.casefold() for node in tree.find_all(exp.Column) for part in node.parts}
    names |= {part.name.casefold() for join in tree.find_all(exp.Join) for part in join.args.get("using") or ()}
    return frozenset(names)


def _needs_all(tree: exp.Expr) -> bool:
    """Whether columns may be meant that are not named."""
    stars = (node for node in tree.find_all(exp.Star) if not isinstance(node.parent, exp.Count))
    pivots = (node for node in tree.find_all(exp.Table, exp.Subquery) if node.args.get("pivots"))
    return next(stars, None) is not None or next(pivots, None) is not None


def _reads_beside(tree: exp.Expr) -> bool:
    """Whether a query uses columns of rows beside it."""
    for node in tree.find_all(exp.Column):
        parts = node.parts
        if len(parts) < 2 or _in_window_call(node):
            continue
        above = node.find_ancestor(exp.Select)
        while above is not None and parts[0].name not in from_aliases(above):
            above = above.find_ancestor(exp.Select)
        if above is None:
            return True
    return False
