"""Operators that treat rows alone, made from expressions, and expressions over flat names.

Apart from the queries because every clause of a SELECT ends in one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Item, Node, Rowwise

__all__ = [
    "column",
    "conjunction",
    "conjuncts",
    "filtered",
    "key_columns",
    "pass_through",
    "projected",
    "replaced",
    "rows",
    "substituted",
]

rows: Final = "rows"
"""The table that the select of an operator on rows reads."""


def column(name: str) -> exp.Column:
    """A column by its flat name."""
    return exp.column(exp.to_identifier(name, quoted=True), copy=False)


def projected(name: str, node: Node, items: Sequence[Item], where: exp.Expr | None = None) -> Rowwise:
    """New columns from those of a node, one row from each that fulfils a condition.

    Names that a node only gives to columns of another one are not passed through: every layer of a query is taken
    apart by the engine in each epoch.
    """
    if isinstance(node, Rowwise) and _renames(node):
        items = [Item(item.name, _named(item.expression, node.passes)) for item in items]
        where, node = None if where is None else _named(where, node.passes), node.input
    selected = [exp.alias_(item.expression, item.name, quoted=True) for item in items]
    passes = {item.name: item.expression.name for item in items if isinstance(item.expression, exp.Column)}
    passes = {new: old for new, old in passes.items() if old in node.columns}
    select = exp.select(*selected, copy=False).from_(exp.to_table(rows), copy=False)
    if where is not None:
        select.where(where, copy=False)
    return Rowwise(name, node, select, tuple(item.name for item in items), passes)


def _renames(node: Rowwise) -> bool:
    """Whether all that a node does is to choose columns and give them names."""
    clauses = {key for key, part in node.select.args.items() if part}
    return len(node.passes) == len(node.columns) and clauses == {"expressions", "from_"}


def _named(tree: exp.Expr, names: Mapping[str, str]) -> exp.Expr:
    """A copy of an expression in which columns have other names."""
    return replaced(tree, lambda node: column(names[node.name]) if isinstance(node, exp.Column) else None)


def pass_through(names: Iterable[str]) -> list[Item]:
    """Columns as they are."""
    return [Item(name, column(name)) for name in names]


def filtered(name: str, node: Node, conditions: Sequence[exp.Expr]) -> Node:
    """The rows of a node that fulfil all conditions."""
    if not conditions:
        return node
    return projected(name, node, pass_through(node.columns), conjunction(conditions))


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The parts of a condition that all must hold."""
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*conjuncts(condition.this), *conjuncts(condition.expression)]
    return [condition]


def conjunction(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """All conditions as one."""
    return exp.and_(*(condition.copy() for condition in conditions), copy=False)


def key_columns(name: str, node: Node, keys: Sequence[exp.Expr], prefix: str) -> tuple[Node, tuple[str, ...]]:
    """A node in which every key is a column, and their names; computed keys are added as columns."""
    names: list[str] = []
    added: list[Item] = []
    for at, key in enumerate(keys, 1):
        if isinstance(key, exp.Column) and key.name in node.columns:
            names.append(key.name)
        else:
            added.append(Item(f"{prefix}.{at}", key))
            names.append(f"{prefix}.{at}")
    if added:
        node = projected(name, node, [*pass_through(node.columns), *added])
    return node, tuple(names)


def replaced(tree: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """A copy of a tree in which ``change`` put other nodes in place, outermost first; those are not looked into."""
    copy = tree.copy()
    new = change(copy)
    if new is not None:
        return new
    waiting = list(copy.iter_expressions())
    while waiting:
        node = waiting.pop()
        new = change(node)
        if new is None:
            waiting.extend(node.iter_expressions())
        else:
            node.replace(new)
    return copy


def substituted(tree: exp.Expr, known: Mapping[exp.Expr, str]) -> exp.Expr:
    """A copy of a tree in which expressions that are known became columns."""
    return replaced(tree, lambda node: column(known[node]) if node in known else None)
