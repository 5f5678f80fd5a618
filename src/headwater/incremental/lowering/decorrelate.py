"""A query that reads the rows beside it, as a query by itself and the conditions under which its rows meet them.

Conditions of its WHERE that speak of both become conditions of a join, and what they use of its own rows
becomes columns ("magic" without the magic set, after Seshadri et al., ICDE 1996). Where it aggregates, or
takes the first rows, it does so for each combination of these columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Item, Node
from headwater.incremental.lowering.calls import is_grouped, outermost_aggregates
from headwater.incremental.lowering.names import from_aliases
from headwater.incremental.lowering.query import Scope, lower_query
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, conjuncts, pass_through, projected, replaced
from headwater.values import frozen

__all__ = ["Decorrelated", "decorrelated", "reads_beside"]

_deep: Final = "a query inside it reads the rows beside it in more than comparisons of its own WHERE"
_advice: Final = "write it as a join"
_zero: Final = frozenset({"count", "count_star", "approx_count_distinct", "approx_distinct", "regr_count", "entropy"})
"""The aggregates that are 0 where there are no rows, when others are NULL (count_if is NULL, too)."""


@frozen
class Decorrelated:
    """A query by itself.

    Attributes:
        node: its rows; the columns stand under the alias.
        conditions: when a row meets one beside it, over flat names.
        values: what it yields: columns of ``node``.
        empty: what it yields where no row meets the one beside it, by column, for a query that always yields one row.
        present: a column that is NULL where no row was met, with ``empty``.
        single: at most one row meets each row beside it.
    """

    node: Node
    conditions: tuple[exp.Expr, ...]
    values: tuple[str, ...]
    empty: Mapping[str, exp.Expr] | None = None
    present: str | None = None
    single: bool = False

    def filled(self, columns: Sequence[str]) -> list[Item]:
        """Columns of a join with ``node`` in which the values are there for every row."""
        return [
            Item(name, self.value(name)) if name in self.values else item
            for name, item in zip(columns, pass_through(columns), strict=True)
        ]

    def value(self, name: str) -> exp.Expr:
        """A value after an outer join with ``node``."""
        if self.empty is None or self.present is None or isinstance(self.empty[name], exp.Null):
            return column(name)
        missing = exp.Is(this=column(self.present), expression=exp.null())
        return exp.Case(ifs=[exp.If(this=missing, true=self.empty[name].copy())], default=column(name))


def reads_beside(query: exp.Expr, aliases: frozenset[str]) -> bool:
    """Whether a query uses columns of FROM items around it."""
    return any(_is_outer(node, query, aliases) for node in query.find_all(exp.Column))


def decorrelated(
    query: exp.Expr, alias: str, aliases: frozenset[str], scope: Scope, *, names: Sequence[str] = (), rows: bool = True
) -> Decorrelated:
    """Take a query apart.

    Args:
        alias: under which its columns stand.
        aliases: the FROM items around it.
        names: of its columns, where they are given anew.
        rows: how many rows there are matters, and their values; else only which values meet which row.

    Raises:
        Unmaintainable: it reads the rows beside it in another way than by comparisons in WHERE.
    """
    while isinstance(query, exp.Subquery) and not any(query.args.get(key) for key in ("order", "limit", "offset")):
        query = query.this
    if not reads_beside(query, aliases):
        return _by_itself(query, alias, scope, names)
    if not isinstance(query, exp.Select):
        raise Unmaintainable(_deep, _advice)
    return _Taking(query.copy(), alias, aliases, scope, tuple(names), rows).apart()


def _by_itself(query: exp.Expr, alias: str, scope: Scope, names: Sequence[str]) -> Decorrelated:
    if isinstance(query, exp.Select):
        query = query.copy()
        for at, item in enumerate(list(query.expressions), 1):
            if not item.alias_or_name:
                item.replace(exp.alias_(item, f"value{at}", quoted=True))
    node = lower_query(query, scope.below(alias))
    given = [*names, *node.columns[len(names) :]]
    columns = tuple(f"{alias}.{name}" for name in given)
    items = [Item(to, column(old)) for to, old in zip(columns, node.columns, strict=True)]
    return Decorrelated(projected(f"{scope.block}.{alias}", node, items), (), columns, single=_single(query))


def _single(query: exp.Expr) -> bool:
    """Whether a query by itself yields at most one row."""
    limit = query.args.get("limit")
    if isinstance(limit, exp.Limit) and limit.expression in (exp.Literal.number(0), exp.Literal.number(1)):
        return True
    if not isinstance(query, exp.Select) or query.args.get("laterals"):
        return False
    if next((node for item in query.expressions for node in item.find_all(exp.Explode, exp.Unnest)), None):
        return False
    return (is_grouped(query) and query.args.get("group") is None) or query.args.get("from_") is None


def _is_outer(node: exp.Column, query: exp.Expr, aliases: frozenset[str]) -> bool:
    """Whether a column belongs to a FROM item around a query."""
    parts = node.parts
    if len(parts) < 2 or parts[0].name not in aliases:
        return False
    above: exp.Expr | None = node
    while above is not None:
        if isinstance(above, exp.Select) and parts[0].name in from_aliases(above):
            return False
        if above is query:
            return True
        above = above.parent
    return True


@dataclass(slots=True)
class _Taking:
    """Takes one SELECT apart, which is used up."""

    select: exp.Select
    alias: str
    aliases: frozenset[str]
    scope: Scope
    names: tuple[str, ...]
    rows: bool

    def apart(self) -> Decorrelated:
        select = self.select
        own, beside = self._where()
        select.set("where", exp.Where(this=exp.and_(*own, copy=False)) if own else None)
        if reads_beside(select, self.aliases):
            raise Unmaintainable(_deep, _advice)
        keys: dict[exp.Expr, str] = {}
        conditions = tuple(self._condition(each, keys) for each in beside)
        listed = [item.unalias() for item in select.expressions]
        self._spell_names(listed)
        given = [*self.names, *(item.alias_or_name for item in select.expressions[len(self.names) :])]
        if not self.rows:
            select.set("order", None if select.args.get("limit") is None else select.args.get("order"))
        if any(isinstance(item, exp.Star) for item in listed):
            if self.rows:
                raise Unmaintainable("a star over columns that are not known here stands in it", "name the columns")
            listed, given = [], []
        values = tuple(f"{self.alias}.{name}" for name in given)
        empty = self._over_nothing(listed, values)
        present = None if empty is None else f"{self.alias}.present"
        single = empty is not None or self._at_most_one(keys)
        self._for_each(keys, conditions)
        items = [exp.alias_(key, name, quoted=True) for key, name in keys.items()]
        items += [exp.alias_(item, f"value{at}", quoted=True) for at, item in enumerate(listed, 1)]
        if present is not None:
            items.append(exp.alias_(exp.Literal.number(1), "present", quoted=True))
        select.set("expressions", items)
        node = lower_query(select, self.scope.below(self.alias))
        columns = [f"{self.alias}.{name}" for name in keys.values()]
        columns += [*values, *([present] if present is not None else [])]
        renamed = [Item(to, column(item.alias)) for to, item in zip(columns, items, strict=True)]
        node = projected(f"{self.scope.block}.{self.alias}", node, renamed)
        return Decorrelated(node, conditions, values, empty, present, single)

    def _where(self) -> tuple[list[exp.Expr], list[exp.Expr]]:
        """The conditions about its own rows, and those that read the rows beside it."""
        own: list[exp.Expr] = []
        beside: list[exp.Expr] = []
        where = self.select.args.get("where")
        for condition in conjuncts(where.this if where is not None else None):
            reads = any(_is_outer(node, self.select, self.aliases) for node in condition.find_all(exp.Column))
            (beside if reads else own).append(condition)
        if any(next(each.find_all(exp.Query), None) is not None for each in beside):
            raise Unmaintainable(_deep, _advice)
        if any(len(node.parts) < 2 for each in beside for node in each.find_all(exp.Column)):
            raise Unmaintainable(_deep, _advice)
        return own, beside

    def _spell_names(self, listed: Sequence[exp.Expr]) -> None:
        """Put expressions of the SELECT list in the place of their names, which it loses."""
        named = {item.alias_or_name: value for item, value in zip(self.select.expressions, listed, strict=True)}
        for key in ("having", "qualify", "order"):
            part = self.select.args.get(key)
            for node in list(part.find_all(exp.Column)) if isinstance(part, exp.Expr) else ():
                if not node.table and node.name in named:
                    node.replace(exp.paren(named[node.name].copy(), copy=False))

    def _condition(self, condition: exp.Expr, keys: dict[exp.Expr, str]) -> exp.Expr:
        """A condition over flat names; what it uses of the query's own rows becomes columns."""
        own = from_aliases(self.select)
        apart = not self._brings_together()

        def change(node: exp.Expr) -> exp.Expr | None:
            columns = list(node.find_all(exp.Column))
            if apart and isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
                return None
            if columns and all(each.parts[0].name in own for each in columns):
                name = keys.setdefault(node.copy(), f"key{len(keys) + 1}")
                return column(f"{self.alias}.{name}")
            if isinstance(node, exp.Column):
                if len(node.parts) > 2:
                    raise Unmaintainable(_deep, _advice)
                return column(f"{node.parts[0].name}.{node.parts[1].name}")
            return None

        return replaced(condition, change)

    def _over_nothing(self, listed: list[exp.Expr], values: tuple[str, ...]) -> Mapping[str, exp.Expr] | None:
        """What a query that aggregates all its rows yields where there are none; None when it yields no row then."""
        if self.select.args.get("group") is not None or not is_grouped(self.select):
            return None
        if self.select.args.get("having") is not None or self.select.args.get("limit") is not None:
            raise Unmaintainable("a query that reads the rows beside it has HAVING or LIMIT over all its rows", _advice)
        return dict(zip(values, (_over_nothing(item) for item in listed), strict=True))

    def _at_most_one(self, keys: Mapping[exp.Expr, str]) -> bool:
        """Whether one row at most has a combination of keys."""
        group = self.select.args.get("group")
        if group is not None and not any(group.args.get(key) for key in ("grouping_sets", "cube", "rollup", "all")):
            return all(key in keys for key in group.expressions)
        return group is None and _single(self.select)

    def _brings_together(self) -> bool:
        """Whether it makes rows out of several, or takes some of them."""
        select = self.select
        some = select.args.get("limit") or select.args.get("offset") or (select.args.get("distinct") and self.rows)
        return bool(some) or is_grouped(select)

    def _for_each(self, keys: Mapping[exp.Expr, str], conditions: Sequence[exp.Expr]) -> None:
        """Do what brings rows together for each combination of keys."""
        select = self.select
        grouped, limit, distinct = is_grouped(select), select.args.get("limit"), select.args.get("distinct")
        if not self._brings_together():
            return
        if not all(self._is_equality(each) for each in conditions):
            raise Unmaintainable("it brings rows together that meet a row beside it by more than equalities", _advice)
        if select.args.get("windows") or next(select.find_all(exp.Window), None) is not None:
            raise Unmaintainable(_deep, _advice)
        if distinct and distinct.args.get("on") is not None:
            raise Unmaintainable("a query that reads the rows beside it has DISTINCT ON", "write ORDER BY with LIMIT 1")
        if grouped:
            self._group_by(keys)
        if limit is not None or select.args.get("offset") is not None:
            self._first(keys, limit)

    def _group_by(self, keys: Mapping[exp.Expr, str]) -> None:
        group = self.select.args.get("group")
        if group is None:
            group = exp.Group(expressions=[])
            self.select.set("group", group)
        if group.args.get("all") or any(isinstance(key, exp.Literal) for key in group.expressions):
            raise Unmaintainable("a query that reads the rows beside it groups by positions", "name the columns")
        for key in keys:
            group.append("expressions", key.copy())

    def _first(self, keys: Mapping[exp.Expr, str], limit: exp.Expr | None) -> None:
        """The first rows for each combination of keys."""
        select = self.select
        grouped = is_grouped(select)
        if not isinstance(limit, exp.Limit) or not isinstance(limit.expression, exp.Literal):
            raise Unmaintainable("a query that reads the rows beside it has such a LIMIT", _advice)
        if select.args.get("offset") or select.args.get("qualify") or select.args.get("distinct") or grouped:
            raise Unmaintainable("a query that reads the rows beside it has more than LIMIT", _advice)
        order = select.args.get("order")
        number = exp.Window(this=exp.RowNumber(), partition_by=[key.copy() for key in keys], order=order)
        for key in ("limit", "order"):
            select.set(key, None)
        select.set("qualify", exp.Qualify(this=exp.LTE(this=number, expression=limit.expression.copy())))

    def _is_equality(self, condition: exp.Expr) -> bool:
        """Whether a condition compares a column of the query with something beside it."""
        if not isinstance(condition, exp.EQ | exp.NullSafeEQ):
            return False
        sides = [
            isinstance(side, exp.Column) and side.name.startswith(f"{self.alias}.")
            for side in (condition.this, condition.expression)
        ]
        other = condition.expression if sides[0] else condition.this
        return sum(sides) == 1 and not any(
            node.name.startswith(f"{self.alias}.") for node in other.find_all(exp.Column)
        )


def _over_nothing(item: exp.Expr) -> exp.Expr:
    """An expression over aggregates where there are no rows."""

    def change(node: exp.Expr) -> exp.Expr | None:
        if outermost_aggregates([node]) != [node]:
            return None
        call = node.this if isinstance(node, exp.Filter) else node
        name = call.sql_name() if isinstance(call, exp.Func) and not isinstance(call, exp.Anonymous) else call.name
        return exp.Literal.number(0) if name.lower() in _zero else exp.null()

    empty = replaced(item, change)
    if next(empty.find_all(exp.Column), None) is not None:
        raise Unmaintainable(_deep, _advice)
    return empty
