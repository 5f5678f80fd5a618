"""A whole query, its CTEs and set operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.incremental.algebra.nodes import Constant, Distinct, Item, Node, SetKind, SetOperation, Union
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, projected
from headwater.types import RelationName

__all__ = ["Scope", "lower", "lower_query"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What names in FROM mean: published relations, and the CTEs around a query; ``block`` names the query."""

    relations: Mapping[str, RelationName]
    block: str
    ctes: Mapping[str, Node] = field(default_factory=dict)

    def below(self, name: str) -> Scope:
        """The scope of a query inside this one."""
        return Scope(self.relations, name if self.block == "result" else f"{self.block}.{name}", self.ctes)

    def with_cte(self, name: str, node: Node) -> Scope:
        return Scope(self.relations, self.block, {**self.ctes, name.casefold(): node})


def lower(tree: exp.Expr, relations: Mapping[str, RelationName]) -> Node:
    """A query as operators.

    Args:
        tree: the canonical query: qualified, its windows as table functions; it is used up.
        relations: the published relations it reads, by the folded name that stands in it.

    Raises:
        Unmaintainable: something in it has no operator.
    """
    return lower_query(tree, Scope(relations, "result"))


def lower_query(tree: exp.Expr, scope: Scope) -> Node:
    """A query of any form; its columns have the names of its output."""
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
    if with_.args.get("recursive"):
        raise Unmaintainable("it is recursive")
    for cte in with_.expressions:
        node = lower_query(cte.this, scope.below(cte.alias))
        scope = scope.with_cte(cte.alias, renamed(cte.alias, node, [part.name for part in _columns(cte)]))
    return scope


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
    return Constant(scope.block, exp.select("*").from_(tree.copy()), names)
