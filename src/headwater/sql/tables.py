"""The tables a query reads from outside itself.

Apart from resolution because dependencies are needed before any schema is
known: here only the scoping of WITH counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

__all__ = ["external_tables"]


def external_tables(nodes: Iterable[exp.Expr]) -> Iterator[exp.Table]:
    """The tables among a query's nodes that are not CTEs where they stand."""
    for node in nodes:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier) and not _is_cte(node):
            yield node


def _is_cte(table: exp.Table) -> bool:
    if table.db:
        return False
    folded = table.name.lower()
    node: exp.Expr = table
    while (parent := node.parent) is not None:
        if isinstance(parent, exp.With):
            siblings = parent.expressions
            end = next(at for at, cte in enumerate(siblings) if cte is node)
            if any(cte.alias.lower() == folded for cte in siblings[: end + bool(parent.args.get("recursive"))]):
                return True
            query = parent.parent
            if query is None:
                return False
            node = query
            continue
        with_ = parent.args.get("with_")
        if with_ is not None and any(cte.alias.lower() == folded for cte in with_.expressions):
            return True
        node = parent
    return False
