"""Subqueries of WHERE as joins: EXISTS and IN as semi and anti joins."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headwater.incremental.algebra.nodes import Node
from headwater.incremental.lowering.query import Scope
from headwater.incremental.lowering.refusals import Unmaintainable

__all__ = ["apply_subqueries", "has_subquery"]


def has_subquery(tree: exp.Expr) -> bool:
    """Whether a query stands in an expression."""
    return next(tree.find_all(exp.Query), None) is not None


def apply_subqueries(node: Node, conditions: Sequence[exp.Expr], aliases: frozenset[str], scope: Scope) -> Node:
    """The rows that fulfil conditions with subqueries.

    Raises:
        Unmaintainable: a subquery has no join that means the same.
    """
    del aliases, scope
    if conditions:
        raise Unmaintainable("its subqueries are not taken apart", "write them as joins")
    return node
