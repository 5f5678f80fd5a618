"""Window table functions in a parsed query: what they are given, as values.

Apart from the dialect that reads them because resolution, lowering, lineage and
the Flink generator ask the same of such a call. Semantics: Apache Calcite
("Table functions": TUMBLE, HOP, SESSION) and Flink (CUMULATE).
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.sql.dialect import SESSION_KEYS, window_arguments
from headwater.values import frozen

__all__ = ["COLUMNS_META", "WINDOW_COLUMNS", "WindowCall", "name_windows", "place_window_tables", "window_call"]

WINDOW_COLUMNS: Final = ("window_start", "window_end", "window_time")

COLUMNS_META: Final = "columns"
"""Key of a call's meta data: the names of its table's columns, absent when only the engine knows them."""


@frozen
class WindowCall:
    """One call: ``kind`` is TUMBLE, HOP, CUMULATE or SESSION; the parts are nodes of the query's tree.

    ``intervals`` stand in the function's order (HOP: slide, size; CUMULATE: step, size).
    """

    kind: str
    node: exp.Anonymous
    relation: exp.Expr
    column: exp.Expr
    intervals: tuple[exp.Expr, ...]
    keys: tuple[exp.Expr, ...]


def window_call(source: exp.Expr) -> WindowCall | None:
    """The call behind a FROM item; None when it is an ordinary one, or lacks arguments (the guard refuses it)."""
    node = source.this if isinstance(source, exp.Table) else None
    if not isinstance(node, exp.Anonymous) or node.name.upper() not in window_arguments:
        return None
    if len(node.expressions) < 3:
        return None
    relation, column, *rest = node.expressions
    keys: tuple[exp.Expr, ...] = ()
    if rest and isinstance(rest[-1], exp.Anonymous) and rest[-1].name.upper() == SESSION_KEYS:
        keys = tuple(rest.pop().expressions)
    return WindowCall(node.name.upper(), node, relation, column, tuple(rest), keys)


def place_window_tables(tree: exp.Expr) -> None:
    """Turn the first argument of every window table function, parsed as a column, into the table it is."""
    for table in tree.find_all(exp.Table):
        call = window_call(table)
        if call is not None:
            relation = call.relation
            alias = None
            if isinstance(relation, exp.Alias):
                alias, relation = relation.args["alias"], relation.this
            if isinstance(relation, exp.Column):
                placed = exp.Table(this=relation.this, db=relation.args.get("table"), catalog=relation.args.get("db"))
                if alias is not None:
                    placed.set("alias", exp.TableAlias(this=alias))
                call.relation.replace(placed)
            elif isinstance(relation, exp.Subquery) and alias is not None:
                call.relation.replace(relation)
                relation.set("alias", exp.TableAlias(this=alias))


def name_windows(tree: exp.Expr) -> None:
    """Give every window table function without an alias the one of the table inside it."""
    for table in tree.find_all(exp.Table):
        call = window_call(table)
        if call is not None and not table.alias and call.relation.alias:
            table.set("alias", exp.TableAlias(this=call.relation.args["alias"].this.copy()))
