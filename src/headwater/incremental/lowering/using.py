"""USING as conditions, so that every column below names its table.

Apart from FROM because a column that USING merges can stand anywhere in a SELECT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from headwater.incremental.lowering.query import Scope
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.sql.windows import WINDOW_COLUMNS, window_call

__all__ = ["item_columns", "spell_using"]


def spell_using(select: exp.Select, scope: Scope) -> None:
    """Write the USING of joins with ON, and columns it names without a table as those of their tables, in place.

    The last column of an ASOF JOIN is its time.
    """
    joins: Sequence[exp.Join] = select.args.get("joins") or ()
    if not any(join.args.get("using") for join in joins):
        return
    seen = dict(_named_columns(select.args["from_"].this, scope))
    merged: dict[str, exp.Expr] = {}
    for join in joins:
        names = [part.name for part in join.args.get("using") or ()]
        alias = join.this.alias_or_name
        conditions = []
        for name in names:
            left = merged.get(name.casefold()) or _owned(name, seen)
            right = _column(alias, name)
            last = name is names[-1] and (join.method or "").upper() == "ASOF"
            conditions.append((exp.GTE if last else exp.EQ)(this=left.copy(), expression=right))
            merged[name.casefold()] = _merged((join.side or "").upper(), left, right)
        if names:
            join.set("using", None)
            join.set("on", exp.and_(*conditions, copy=False))
        if (join.kind or "").upper() not in ("SEMI", "ANTI"):
            seen.update(_named_columns(join.this, scope))
    _spell(select, merged)


def item_columns(item: exp.Expr, scope: Scope) -> frozenset[str] | None:
    """The names, folded, of the columns of a FROM item; None when they are not known."""
    alias = item.args.get("alias")
    given = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    if given:
        return frozenset(part.name.casefold() for part in given)
    if isinstance(item, exp.Table) and (call := window_call(item)) is not None:
        inner = item_columns(call.relation, scope)
        return None if inner is None else inner | frozenset(WINDOW_COLUMNS)
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Query):
        return frozenset(name.casefold() for name in item.this.named_selects)
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        known = scope.columns_of(item.name)
        return None if known is None else frozenset(name.casefold() for name in known)
    return None


def _named_columns(item: exp.Expr, scope: Scope) -> Iterator[tuple[str, frozenset[str]]]:
    columns = item_columns(item, scope)
    if columns is not None:
        yield item.alias_or_name, columns
        return
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table) and not item.alias:
        inner = item.this.copy()
        joins = inner.args.get("joins") or ()
        inner.set("joins", None)
        for part in (inner, *(join.this for join in joins)):
            yield from _named_columns(part, scope)


def _owned(name: str, seen: dict[str, frozenset[str]]) -> exp.Expr:
    owners = [alias for alias, columns in seen.items() if name.casefold() in columns]
    if len(owners) != 1:
        raise Unmaintainable(f"the table of '{name}' in USING is not known", "write the condition with ON")
    return _column(owners[0], name)


def _merged(side: str, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    match side:
        case "RIGHT":
            return right.copy()
        case "FULL":
            return exp.Coalesce(this=left.copy(), expressions=[right.copy()])
        case _:
            return left.copy()


def _column(alias: str, name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def _spell(select: exp.Select, merged: dict[str, exp.Expr]) -> None:
    """Name the tables of merged columns; ORDER BY, HAVING and QUALIFY see names of the SELECT list first."""
    for at, item in enumerate(select.expressions):
        if isinstance(item, exp.Column) and not item.table and item.name.casefold() in merged:
            select.expressions[at].replace(
                exp.alias_(merged[item.name.casefold()], exp.to_identifier(item.name, quoted=True))
            )
    listed = {item.alias_or_name.casefold() for item in select.expressions}
    for key, part in list(select.args.items()):
        shadowed = listed if key in ("order", "having", "qualify", "distinct") else set[str]()
        known = {name: to for name, to in merged.items() if name not in shadowed}
        if key not in ("from_", "with_"):
            for node in part if isinstance(part, list) else [part]:
                tree = node.args.get("on") if isinstance(node, exp.Join) else node
                if isinstance(tree, exp.Expr):
                    _spell_in(tree, known)


def _spell_in(tree: exp.Expr, merged: dict[str, exp.Expr]) -> None:
    """Replace merged columns in an expression, but for those of queries that merge columns themselves."""
    for node in list(tree.find_all(exp.Column)):
        if node.table or node.name.casefold() not in merged:
            continue
        inside = False
        above = node.parent
        while above is not None and node is not tree and above is not tree.parent:
            inside = inside or any(join.args.get("using") for join in above.args.get("joins") or ())
            above = above.parent
        if not inside:
            node.replace(merged[node.name.casefold()].copy())
