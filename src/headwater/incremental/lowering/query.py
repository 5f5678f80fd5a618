"""A whole query, its CTEs and set operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from sqlglot import exp

from headwater.incremental.algebra.nodes import (
    Assign,
    Constant,
    Distinct,
    Item,
    Node,
    Opaque,
    Relation,
    Rowwise,
    SetKind,
    SetOperation,
    Union,
    inputs_of,
)
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, projected
from headwater.types import RelationName
from headwater.values import frozen

__all__ = ["Scope", "lower", "lower_query"]


@frozen
class Scope:
    """What names in FROM mean: published relations, and the CTEs around a query; ``block`` names the query."""

    relations: Mapping[str, RelationName]
    block: str
    ctes: Mapping[str, Node] = field(default_factory=dict)
    columns: Mapping[RelationName, Sequence[str]] = field(default_factory=dict)

    def below(self, name: str) -> Scope:
        """The scope of a query inside this one."""
        return replace(self, block=name if self.block == "result" else f"{self.block}.{name}")

    def with_cte(self, name: str, node: Node) -> Scope:
        return replace(self, ctes={**self.ctes, name.casefold(): node})

    def columns_of(self, table: str) -> tuple[str, ...] | None:
        """The columns of a CTE or relation that stands in FROM; None when they are not known."""
        if table.casefold() in self.ctes:
            return self.ctes[table.casefold()].columns
        relation = self.relations.get(table.casefold())
        known = self.columns.get(relation) if relation is not None else None
        return None if known is None else tuple(known)


def lower(
    tree: exp.Expr,
    relations: Mapping[str, RelationName],
    columns: Mapping[RelationName, Sequence[str]] | None = None,
) -> Node:
    """A query as operators. A block that has no operator becomes an Opaque one.

    Args:
        tree: the canonical query: qualified, its windows as table functions; it is used up.
        relations: the published relations it reads, by the folded name that stands in it.
        columns: the columns of these relations; without them, less is understood.

    Raises:
        Unmaintainable: the query as a whole has no operator, so nothing of it is cheaper than computing it anew.
    """
    node = lower_query(tree, Scope(relations, "result", columns=columns or {}))
    if isinstance(node, Opaque) and all(_plain(below) for below in node.inputs):
        raise Unmaintainable(node.why, node.cheaper)
    return node


def _plain(node: Node) -> bool:
    """Whether a node is rows as they were published, at most treated one by one."""
    return isinstance(node, Relation | Constant | Rowwise | Assign | Union) and all(map(_plain, inputs_of(node)))


def lower_query(tree: exp.Expr, scope: Scope) -> Node:
    """A query of any form; its columns have the names of its output."""
    from headwater.incremental.lowering.opaque import opaque

    try:
        return _lowered(tree.copy(), scope)
    except Unmaintainable as reason:
        return opaque(tree, scope, reason)


def _lowered(tree: exp.Expr, scope: Scope) -> Node:
    from headwater.incremental.lowering.select import lower_select

    with_ = tree.args.get("with_")
    if with_ is not None:
        scope = _with(with_, scope)
        tree.set("with_", None)
    match tree:
        case exp.Subquery():
            return _wrapped(tree, scope)
        case exp.SetOperation():
            return _set_operation(tree, scope)
        case exp.Select():
            return lower_select(tree, scope)
        case exp.Values():
            return _values(tree, scope)
        case _:
            raise Unmaintainable(f"its form {tree.key.upper()} is not known to change row by row")


def renamed(name: str, node: Node, names: list[str]) -> Node:
    """The columns of a node by position under new names."""
    if list(node.columns[: len(names)]) == names and len(names) == len(node.columns):
        return node
    new = [*names, *node.columns[len(names) :]]
    return projected(name, node, [Item(to, column(old)) for to, old in zip(new, node.columns, strict=True)])


def _with(with_: exp.With, scope: Scope) -> Scope:
    from headwater.incremental.lowering.opaque import opaque

    for cte in with_.expressions:
        if with_.args.get("recursive") and _reads_itself(cte):
            whole = opaque(_alone(cte), scope.below(cte.alias), Unmaintainable("it is recursive"))
            scope = scope.with_cte(cte.alias, whole)
            continue
        node = lower_query(cte.this, scope.below(cte.alias))
        scope = scope.with_cte(cte.alias, renamed(cte.alias, node, [part.name for part in _columns(cte)]))
    return scope


def _alone(cte: exp.CTE) -> exp.Expr:
    """A recursive CTE as a query by itself."""
    names = [part.name for part in _columns(cte)] or cte.this.named_selects
    columns = [exp.column(exp.to_identifier(name, quoted=True)) for name in names]
    query = exp.select(*columns).from_(exp.to_table(cte.alias, quoted=True), copy=False)
    query.set("with_", exp.With(recursive=True, expressions=[cte.copy()]))
    return query


def _reads_itself(cte: exp.CTE) -> bool:
    return any(table.name.casefold() == cte.alias.casefold() for table in cte.this.find_all(exp.Table))


def _columns(node: exp.Expr) -> list[exp.Expr]:
    alias = node.args.get("alias")
    return list(alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else []


def _wrapped(tree: exp.Subquery, scope: Scope) -> Node:
    clauses = [key for key, value in tree.args.items() if value and key not in {"this", "alias"}]
    if not clauses:
        return lower_query(tree.this, scope)
    if not set(clauses) <= {"order", "limit", "offset"}:
        raise Unmaintainable(f"its clause {clauses[0].strip('_').upper()} is not known to change row by row")
    from headwater.incremental.lowering.select import limited

    return limited(tree, lower_query(tree.this, scope), scope)


def _set_operation(tree: exp.SetOperation, scope: Scope) -> Node:
    from headwater.incremental.lowering.select import limited

    if tree.args.get("by_name"):
        raise Unmaintainable("BY NAME moves columns between branches", "write the columns of all branches in one order")
    left = lower_query(tree.this, scope.below("left"))
    right = lower_query(tree.expression, scope.below("right"))
    name = scope.block
    distinct = bool(tree.args.get("distinct"))
    node: Node
    match tree:
        case exp.Union():
            node = Union(name, (left, right), left.columns)
            if distinct:
                node = Distinct(name, node, left.columns)
        case exp.Intersect():
            node = SetOperation(name, SetKind.INTERSECT, not distinct, left, right, left.columns)
        case exp.Except():
            node = SetOperation(name, SetKind.EXCEPT, not distinct, left, right, left.columns)
        case _:
            raise Unmaintainable(f"{tree.key.upper()} is not known to change row by row")
    return limited(tree, node, scope)


def _values(tree: exp.Values, scope: Scope) -> Node:
    first = tree.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    names = tuple(f"col{at}" for at in range(width))
    return Constant(scope.block, exp.select("*").from_(tree), names)
