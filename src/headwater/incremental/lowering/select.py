"""A SELECT as a chain of operators, in the order in which SQL means its clauses.

FROM, WHERE, GROUP BY, HAVING, functions over windows of rows, QUALIFY, the SELECT list,
DISTINCT, ORDER BY with LIMIT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Aggregate, Analytic, Constant, Distinct, Item, Limit, Node
from headwater.incremental.lowering.calls import is_grouping, outermost_aggregates, outermost_windows
from headwater.incremental.lowering.groups import GroupSets, by_sets, group_sets
from headwater.incremental.lowering.names import flat, from_aliases
from headwater.incremental.lowering.query import Scope
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import (
    column,
    conjuncts,
    filtered,
    key_columns,
    pass_through,
    projected,
    substituted,
)
from headwater.incremental.lowering.sources import lower_from
from headwater.incremental.lowering.subqueries import Subqueries, has_subquery
from headwater.incremental.lowering.using import spell_using

__all__ = ["limited", "lower_select"]

_clauses: Final = frozenset(
    {"expressions", "from_", "joins", "laterals", "where", "group", "having", "windows", "qualify", "distinct"}
    | {"order", "limit", "offset"}
)


@dataclass(slots=True)
class _Clauses:
    """The expressions of a SELECT over flat names; what is computed below is replaced in all of them."""

    items: list[Item]
    having: list[exp.Expr]
    qualify: list[exp.Expr]
    order: list[exp.Expr]
    distinct_on: list[exp.Expr] = field(default_factory=list)

    def substitute(self, known: dict[exp.Expr, str]) -> None:
        """Put columns in the place of expressions that operators below compute."""
        self.items = [Item(item.name, substituted(item.expression, known)) for item in self.items]
        for part in (self.having, self.qualify, self.order, self.distinct_on):
            part[:] = [substituted(each, known) for each in part]

    def expressions(self) -> list[exp.Expr]:
        return [*(item.expression for item in self.items), *self.having, *self.qualify, *self.order, *self.distinct_on]


def lower_select(select: exp.Select, scope: Scope) -> Node:
    """A SELECT; its columns are those of its list."""
    _refuse(select)
    if select.args.get("from_") is None:
        names = _names(select)
        constant = _without(select, "order", "limit", "offset")
        items = [
            exp.alias_(item.unalias(), name, quoted=True)
            for item, name in zip(constant.expressions, names, strict=True)
        ]
        constant.set("expressions", items)
        return limited(select, Constant(scope.block, constant, names), scope)
    _spell_windows(select)
    spell_using(select, scope)
    aliases = from_aliases(select)
    subqueries = Subqueries(aliases, scope)
    clauses = _read(select, aliases, subqueries)
    where = conjuncts(select.args["where"].this) if select.args.get("where") else []
    plain = _plain(select, where, aliases, clauses.items)
    source = lower_from(select, plain, aliases, scope)
    node = filtered(f"{scope.block}.where", source.node, source.conditions)
    for condition in where:
        node = subqueries.filter(node, condition) if has_subquery(condition) else node
    node = _grouped(select, node, clauses, subqueries, scope)
    node = _analysed(node, clauses, scope)
    if clauses.distinct_on:
        node = _first_of_each(node, clauses, scope)
    return _listed(select, node, clauses, scope)


def _plain(
    select: exp.Select, where: Sequence[exp.Expr], aliases: frozenset[str], items: Sequence[Item]
) -> list[exp.Expr]:
    """The conditions of WHERE without subqueries, over flat names; they may name what stands in the SELECT list."""
    given = {item.name: item.expression for item in items}
    asking = {item.name for node, item in zip(select.expressions, items, strict=True) if has_subquery(node)}
    for condition in where:
        named = {each.name for each in condition.find_all(exp.Column) if len(each.parts) == 1} & given.keys()
        if named if has_subquery(condition) else named & asking:
            raise Unmaintainable("WHERE names a column of the SELECT list beside a subquery", "write its expression")
    return [flat(condition, aliases, given) for condition in where if not has_subquery(condition)]


def limited(tree: exp.Expr, node: Node, scope: Scope) -> Node:
    """ORDER BY with LIMIT or OFFSET over output columns; ORDER BY alone says nothing of a bag."""
    limit, offset, order = (tree.args.get(key) for key in ("limit", "offset", "order"))
    if limit is None and offset is None:
        return node
    if not isinstance(limit, exp.Limit | None):
        raise Unmaintainable("LIMIT in percent is not kept up to date")
    names = {name.casefold(): name for name in node.columns}
    terms = [_by_position(term, node.columns, names) for term in (order.expressions if order else ())]
    return Limit(
        f"{scope.block}.limit",
        node,
        tuple(terms),
        limit.expression if limit is not None else None,
        offset.expression if offset is not None else None,
        node.columns,
    )


def _by_position(term: exp.Expr, columns: Sequence[str], names: dict[str, str]) -> exp.Expr:
    copy = term.copy()
    key = copy.this if isinstance(copy, exp.Ordered) else copy
    if isinstance(key, exp.Literal) and not key.is_string:
        key.replace(column(columns[int(key.name) - 1]))
    for reference in copy.find_all(exp.Column):
        if reference.name.casefold() not in names:
            raise Unmaintainable("ORDER BY of a set operation names a column that it does not yield")
        reference.replace(column(names[reference.name.casefold()]))
    return copy


def _refuse(select: exp.Select) -> None:
    for key, value in select.args.items():
        if value and key not in _clauses:
            raise Unmaintainable(f"its clause {key.strip('_').upper()} is not known to change row by row")


def _without(select: exp.Select, *keys: str) -> exp.Select:
    copy = select.copy()
    for key in keys:
        copy.set(key, None)
    return copy


def _spell_windows(select: exp.Select) -> None:
    """Put what WINDOW says into the functions that name it."""
    named = {each.this.name.casefold(): each for each in select.args.get("windows") or ()}
    select.set("windows", None)
    for window in list(select.find_all(exp.Window)):
        alias = window.args.get("alias")
        known = named.get(alias.name.casefold()) if isinstance(alias, exp.Identifier) else None
        if alias is not None and known is None:
            raise Unmaintainable(f"the window '{alias.name}' is not known")
        if known is not None:
            window.set("alias", None)
            for key in ("partition_by", "order", "spec"):
                part = known.args.get(key)
                if part and not window.args.get(key):
                    window.set(key, [each.copy() for each in part] if isinstance(part, list) else part.copy())


def _read(select: exp.Select, aliases: frozenset[str], subqueries: Subqueries) -> _Clauses:
    items: list[Item] = []
    given: dict[str, exp.Expr] = {}
    for node, name in zip(select.expressions, _names(select), strict=True):
        items.append(_item(node, name, aliases, subqueries, given))
        given[name] = items[-1].expression

    def all_flat(nodes: Sequence[exp.Expr], *, conditions: bool = False) -> list[exp.Expr]:
        return [flat(subqueries.hide(node, condition=conditions), aliases, given) for node in nodes]

    order = select.args.get("order")
    terms = [_ordinal(term, items) for term in (order.expressions if order else ())]
    distinct = select.args.get("distinct")
    on = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
    return _Clauses(
        items=items,
        having=all_flat(conjuncts(select.args["having"].this) if select.args.get("having") else [], conditions=True),
        qualify=all_flat(conjuncts(select.args["qualify"].this) if select.args.get("qualify") else [], conditions=True),
        order=all_flat(terms),
        distinct_on=all_flat(on.expressions if isinstance(on, exp.Tuple) else [on] if on else []),
    )


def _names(select: exp.Select) -> tuple[str, ...]:
    """Names for the columns of a SELECT: where two have one, or one has none, nobody refers to them by it."""
    names: dict[str, None] = {}
    folded: set[str] = set()
    for at, item in enumerate(select.expressions, 1):
        name = item.alias_or_name if isinstance(item, exp.Alias | exp.Column) else ""
        if not name or name.casefold() in folded:
            name = f"{name}:{at}"
        names[name] = None
        folded.add(name.casefold())
    return tuple(names)


def _item(
    node: exp.Expr, name: str, aliases: frozenset[str], subqueries: Subqueries, given: Mapping[str, exp.Expr]
) -> Item:
    """A column of the SELECT list; it may name those before it."""
    expression = node.this if isinstance(node, exp.Alias) else node
    if isinstance(expression, exp.Star):
        raise Unmaintainable("a star over columns that are not known here stands in it", "name the columns")
    return Item(name, flat(subqueries.hide(expression), aliases, given))


def _ordinal(term: exp.Expr, items: Sequence[Item]) -> exp.Expr:
    copy = term.copy()
    key = copy.this if isinstance(copy, exp.Ordered) else copy
    if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
        key.replace(exp.column(exp.to_identifier(items[int(key.name) - 1].name, quoted=True)))
    return copy


def _grouped(select: exp.Select, node: Node, clauses: _Clauses, subqueries: Subqueries, scope: Scope) -> Node:
    """GROUP BY, aggregates and HAVING."""
    group = select.args.get("group")
    calls = outermost_aggregates(clauses.expressions())
    if group is None and not calls:
        node = subqueries.columns(node, clauses.expressions())
        return filtered(f"{scope.block}.having", node, clauses.having)
    sets = _group_sets(group, clauses, subqueries) if group is not None else GroupSets((), None)
    keys = list(sets.keys)
    node = subqueries.columns(node, [*keys, *calls])
    name = f"{scope.block}.group"
    node, names = key_columns(f"{name}.keys", node, keys, name)
    known = dict(zip(keys, names, strict=True))
    aggregates = []
    for at, call in enumerate(call for call in calls if not is_grouping(call)):
        known[call] = f"{name}.value{at + 1}"
        aggregates.append(Item(known[call], call))
    unique = tuple(dict.fromkeys(names))
    if sets.sets is None:
        node = Aggregate(name, node, unique, tuple(aggregates), (*unique, *(item.name for item in aggregates)))
    else:
        told = [call for call in calls if is_grouping(call)]
        node, more = by_sets(node, sets, dict(known), tuple(aggregates), told=told, name=name)
        known |= more
    clauses.substitute(known)
    node = subqueries.columns(node, clauses.expressions(), known)
    return filtered(f"{scope.block}.having", node, clauses.having)


def _group_sets(group: exp.Expr, clauses: _Clauses, subqueries: Subqueries) -> GroupSets:
    if group.args.get("totals"):
        raise Unmaintainable("WITH TOTALS is not known here", "write GROUPING SETS")
    if group.args.get("all"):
        plain = [item.expression for item in clauses.items if not outermost_aggregates([item.expression])]
        return GroupSets(tuple(dict.fromkeys(plain)), None)
    return group_sets(group, _key_reader(clauses, subqueries))


def _key_reader(clauses: _Clauses, subqueries: Subqueries) -> Callable[[exp.Expr], exp.Expr]:
    """What a term of GROUP BY stands for: a position or a name of the SELECT list, or an expression."""
    given = {item.name: item.expression for item in clauses.items}

    def read(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and not node.is_string:
            return clauses.items[int(node.name) - 1].expression
        key = flat(subqueries.hide(node), subqueries.aliases, given)
        return key.unnest()

    return read


def _analysed(node: Node, clauses: _Clauses, scope: Scope) -> Node:
    """Functions over windows of rows, one operator for each way to partition, and QUALIFY."""
    found = dict.fromkeys(window for tree in clauses.expressions() for window in outermost_windows(tree))
    by_partition: dict[tuple[exp.Expr, ...], list[exp.Expr]] = {}
    for window in found:
        by_partition.setdefault(tuple(window.args.get("partition_by") or ()), []).append(window)
    known: dict[exp.Expr, str] = {}
    for number, (partition, windows) in enumerate(by_partition.items(), 1):
        name = f"{scope.block}.over" if number == 1 else f"{scope.block}.over{number}"
        node, keys = key_columns(f"{name}.keys", node, partition, name)
        items = []
        for at, window in enumerate(windows, 1):
            known[window] = f"{name}.value{at}"
            spelled = window.copy()
            spelled.set("partition_by", [column(key) for key in keys])
            items.append(Item(known[window], spelled))
        node = Analytic(name, node, keys, tuple(items), (*node.columns, *(item.name for item in items)))
    clauses.substitute(known)
    return filtered(f"{scope.block}.qualify", node, clauses.qualify)


def _first_of_each(node: Node, clauses: _Clauses, scope: Scope) -> Node:
    """DISTINCT ON: the first row of each key in the order that ORDER BY gives."""
    name = f"{scope.block}.first"
    node, keys = key_columns(f"{name}.keys", node, clauses.distinct_on, name)
    order = exp.Order(expressions=[term.copy() for term in clauses.order]) if clauses.order else None
    number = exp.Window(this=exp.RowNumber(), partition_by=[column(key) for key in keys], order=order)
    item = Item(f"{name}.number", number)
    node = Analytic(name, node, keys, (item,), (*node.columns, item.name))
    return filtered(f"{name}.only", node, [exp.EQ(this=column(item.name), expression=exp.Literal.number(1))])


def _listed(select: exp.Select, node: Node, clauses: _Clauses, scope: Scope) -> Node:
    """The SELECT list, DISTINCT, and ORDER BY with LIMIT."""
    names = [item.name for item in clauses.items]
    distinct = select.args.get("distinct") is not None and not clauses.distinct_on
    limits = select.args.get("limit") is not None or select.args.get("offset") is not None
    if not limits:
        node = projected(scope.block, node, clauses.items)
        return Distinct(scope.block, node, node.columns) if distinct else node
    keys = [term.this if isinstance(term, exp.Ordered) else term for term in clauses.order]
    extra = [] if distinct else [Item(f"{scope.block}.order{at}", key) for at, key in enumerate(keys, 1)]
    node = projected(scope.block, node, [*clauses.items, *extra])
    terms: list[exp.Expr] = []
    if distinct:
        node = Distinct(scope.block, node, node.columns)
        known = {item.expression: item.name for item in clauses.items}
        terms = [substituted(term, known) for term in clauses.order]
        if any(part.name not in names for term in terms for part in term.find_all(exp.Column)):
            raise Unmaintainable("DISTINCT is ordered by what it does not yield")
    else:
        for term, item in zip(clauses.order, extra, strict=True):
            copy = term.copy()
            if isinstance(copy, exp.Ordered):
                copy.set("this", column(item.name))
            terms.append(copy if isinstance(copy, exp.Ordered) else column(item.name))
    limit, offset = select.args.get("limit"), select.args.get("offset")
    if not isinstance(limit, exp.Limit | None):
        raise Unmaintainable("LIMIT in percent is not kept up to date")
    node = Limit(
        f"{scope.block}.limit",
        node,
        tuple(terms),
        limit.expression if limit is not None else None,
        offset.expression if offset is not None else None,
        node.columns,
    )
    return projected(scope.block, node, pass_through(names)) if extra else node
