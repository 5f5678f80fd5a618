"""Clauses that Flink writes another way, rewritten over a whole query.

Apart from expressions because each rule here looks at a SELECT: aliases used
beside their definition, GROUP BY ALL and by number, QUALIFY, DISTINCT ON, semi and anti joins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp, transforms

from headwater.sql.flink.functions import Untranslatable

__all__ = ["restructure"]


def restructure(tree: exp.Expr) -> exp.Expr:
    """The query in clauses Flink has. Raises Untranslatable for those without an equal."""
    for select in reversed(list(tree.find_all(exp.Select))):
        _check(select)
        _inline_aliases(select)
        _spell_out_grouping(select)
        rewritten: exp.Expr = select
        for rule in _rules:
            rewritten = rule(rewritten)
        if rewritten is not select:
            if select is tree:
                tree = rewritten
            else:
                select.replace(rewritten)
    return tree


_rules: Final[tuple[Callable[[exp.Expr], exp.Expr], ...]] = (
    transforms.eliminate_qualify,
    transforms.eliminate_distinct_on,
    transforms.eliminate_semi_and_anti_joins,
)


def _check(select: exp.Select) -> None:
    with_ = select.args.get("with_")
    if with_ is not None and with_.args.get("recursive"):
        raise Untranslatable("Flink has no recursive WITH")
    for join in select.args.get("joins") or []:
        method = str(join.args.get("method") or "").upper()
        if method == "ASOF":
            raise Untranslatable("Flink has no ASOF JOIN: join with FOR SYSTEM_TIME AS OF a versioned table")
        if method == "POSITIONAL":
            raise Untranslatable("Flink has no POSITIONAL JOIN: join on a key")
    for node in select.find_all(exp.Pivot, exp.Star):
        if isinstance(node, exp.Pivot):
            raise Untranslatable("Flink has no PIVOT: write an aggregate with FILTER for each column")
        if node.args.get("except_") or node.args.get("replace") or node.args.get("rename"):
            raise Untranslatable("Flink has no EXCLUDE, REPLACE or RENAME: translate the analysed query")


def _inline_aliases(select: exp.Select) -> None:
    """Write an alias's expression where DuckDB lets the alias stand for it.

    In canonical text columns are qualified, so an unqualified name is an alias.
    """
    known: dict[str, exp.Expr] = {}
    for projection in select.expressions:
        _inline(projection, known)
        if isinstance(projection, exp.Alias):
            known[projection.alias.lower()] = projection.this
    for key in ("where", "group", "having"):
        clause = select.args.get(key)
        if clause is not None:
            _inline(clause, known)


def _inline(node: exp.Expr, known: dict[str, exp.Expr]) -> None:
    for column in list(node.find_all(exp.Column)):
        value = known.get(column.name.lower()) if not column.table else None
        if value is not None and isinstance(column.this, exp.Identifier):
            inlined = value.copy()
            column.replace(inlined if isinstance(inlined, exp.Column | exp.Literal | exp.Func) else exp.paren(inlined))


def _spell_out_grouping(select: exp.Select) -> None:
    group, order = select.args.get("group"), select.args.get("order")
    values = [projection.unalias() for projection in select.expressions]
    if group is not None and group.args.get("all"):
        keys = [value.copy() for value in values if not value.find(exp.AggFunc) and not isinstance(value, exp.Literal)]
        select.set("group", exp.Group(expressions=keys) if keys else None)
    elif group is not None:
        for node in list(group.expressions):
            if isinstance(node, exp.Literal) and node.is_int:
                node.replace(_numbered(values, node).copy())
    for ordered in order.expressions if order is not None else []:
        if isinstance(ordered.this, exp.Var):
            names = [exp.column(projection.alias_or_name, quoted=True) for projection in select.expressions]
            select.set("order", exp.Order(expressions=[exp.Ordered(this=name, nulls_first=False) for name in names]))
            return
        if isinstance(ordered.this, exp.Literal) and ordered.this.is_int:
            named = _numbered(select.expressions, ordered.this).alias_or_name
            ordered.set("this", exp.column(named, quoted=True))


def _numbered(values: list[exp.Expr], number: exp.Literal) -> exp.Expr:
    if not 0 < int(number.name) <= len(values):
        raise Untranslatable(f"there is no output column {number.name}")
    return values[int(number.name) - 1]
