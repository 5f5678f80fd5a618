"""Subqueries in expressions as joins.

Conditions that must hold (EXISTS, IN, comparisons with ANY and ALL) become semi and anti joins. Everywhere else a
subquery becomes a column: a scalar one by an outer join, a condition by the rows for which it
holds, those for which it does not and those for which it is unknown, put together again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sqlglot import exp

from headwater.incremental.algebra.nodes import Aggregate, Distinct, Item, JoinKind, Node, Rowwise, Union
from headwater.incremental.lowering.calls import is_grouped, outermost_aggregates
from headwater.incremental.lowering.decorrelate import Decorrelated, decorrelated
from headwater.incremental.lowering.meeting import Meeting
from headwater.incremental.lowering.names import flat
from headwater.incremental.lowering.query import Scope
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, filtered, pass_through, projected, replaced, substituted
from headwater.values import frozen

__all__ = ["Subqueries", "has_subquery"]

_several: Final = "More than one row returned by a subquery used as an expression"
_comparisons: Final = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def has_subquery(tree: exp.Expr) -> bool:
    """Whether a query stands in an expression."""
    return next(tree.find_all(exp.Query), None) is not None


@dataclass(slots=True)
class Subqueries:
    """The subqueries of one SELECT.

    Attributes:
        aliases: its FROM items.
        hidden: subqueries that became columns, by the name of the column, and whether only their truth matters.
    """

    aliases: frozenset[str]
    scope: Scope
    hidden: dict[str, tuple[exp.Expr, bool]] = field(default_factory=dict)
    _names: dict[exp.Expr, str] = field(default_factory=dict)
    _number: int = 0

    def hide(self, tree: exp.Expr, *, condition: bool = False) -> exp.Expr:
        """An expression with columns in the place of its subqueries, which :meth:`columns` adds.

        Args:
            condition: only whether the expression is true matters.
        """

        def change(node: exp.Expr) -> exp.Expr | None:
            if not _is_subquery(node):
                if isinstance(node, exp.Query):
                    raise Unmaintainable("a subquery stands where none is taken apart", "write it as a join")
                return None
            key = node.copy()
            if key not in self._names:
                self._names[key] = f"{self._alias()}.holds"
                self.hidden[self._names[key]] = (key, condition and _decides(node))
            return column(self._names[key])

        return replaced(tree, change)

    def columns(self, node: Node, trees: Sequence[exp.Expr], known: Mapping[exp.Expr, str] | None = None) -> Node:
        """A node with the columns that stand for subqueries in expressions.

        Args:
            known: expressions that operators below have computed.
        """
        used = {each.name for tree in trees for each in tree.find_all(exp.Column)}
        for name in [name for name in self.hidden if name in used]:
            query, decides = self.hidden.pop(name)
            node = self._column(node, name, query, decides, known or {})
        return node

    def filter(self, node: Node, condition: exp.Expr) -> Node:
        """The rows that fulfil a condition with subqueries."""
        negated, tree = False, condition
        while isinstance(tree, exp.Paren | exp.Not):
            negated, tree = negated != isinstance(tree, exp.Not), tree.this
        test = self._test(tree, {}) if _is_test(tree) else None
        if test is not None and test.conditions and (test.surely_false or not (negated or test.negated)):
            return self._must(node, test, negated=negated != test.negated)
        hidden = self.hide(condition, condition=True)
        wide = self.columns(node, [hidden])
        kept = filtered(f"{self.scope.block}.where", wide, [flat(hidden, self.aliases)])
        return projected(f"{self.scope.block}.where", kept, pass_through(node.columns))

    def _must(self, node: Node, test: _Test, *, negated: bool) -> Node:
        """The rows for which a test holds (negated: for which it surely does not)."""
        if not negated:
            return self._join(node, test, JoinKind.SEMI, test.conditions)
        return self._join(node, test, JoinKind.ANTI, test.conditions_unless("false"))

    def _column(self, node: Node, name: str, query: exp.Expr, decides: bool, known: Mapping[exp.Expr, str]) -> Node:
        if isinstance(query, exp.Subquery):
            return self._scalar(node, name, query, known)
        test = self._test(query, known)
        if test.predicate is None and not test.conditions:
            return self._beside_flags(node, name, test, lambda any_, _: any_)
        yes = self._join(node, test, JoinKind.SEMI, test.conditions)
        no = self._join(node, test, JoinKind.ANTI, test.conditions)
        if test.predicate is None or (decides and not test.negated):
            return _united(self._block(name), name, [(yes, exp.true()), (no, exp.false())], test.negated)
        if not test.found.conditions and len(test.found.values) == 1:
            left = test.left
            branch = self._beside_flags(no, name, test, lambda any_, nulls: _unless_known(left, any_, nulls))
            return _united(self._block(name), name, [(yes, exp.true()), (branch, column(name))], test.negated)
        unknown = test.conditions_unless("known")
        perhaps = self._join(no, test, JoinKind.SEMI, unknown)
        surely = self._join(no, test, JoinKind.ANTI, unknown)
        parts = [(yes, exp.true()), (perhaps, exp.null()), (surely, exp.false())]
        return _united(self._block(name), name, parts, test.negated)

    def _scalar(self, node: Node, name: str, query: exp.Expr, known: Mapping[exp.Expr, str]) -> Node:
        """The value of a subquery that yields at most one row beside each row."""
        found = self._known(decorrelated(query.this, self._alias(), self.aliases, self.scope), known)
        if len(found.values) != 1:
            raise Unmaintainable("a subquery yields several columns", "write it as a join")
        value = found.values[0]
        if found.conditions:
            found, given = (found, found.value(value)) if found.single else self._checked(found, value)
            joined = self._meet(node, found, JoinKind.LEFT, found.conditions)
            return projected(self._block(name), joined, [*pass_through(node.columns), Item(name, given)])
        row = found.node
        if not found.single:
            counted, given = self._checked(found, value)
            row = projected(self._block(name), counted.node, [Item(value, given)])
        elif not _always_one(row):
            call = exp.AnyValue(this=column(value))
            row = Aggregate(self._block(name), row, (), (Item(value, call),), (value,))
        joined = self._meet(node, Decorrelated(row, (), (value,)), JoinKind.INNER, ())
        return projected(self._block(name), joined, [*pass_through(node.columns), Item(name, column(value))])

    def _checked(self, found: Decorrelated, value: str) -> tuple[Decorrelated, exp.Expr]:
        """One row for each key of a subquery that may yield several, and its value, an error where there are several.

        Raises:
            Unmaintainable: rows meet by more than equalities, so that no key tells how many there are.
        """
        mine = set(found.node.columns)
        keys = []
        for condition in found.conditions:
            sides = [condition.this, condition.expression] if isinstance(condition, exp.EQ | exp.NullSafeEQ) else []
            own = [side.name for side in sides if isinstance(side, exp.Column) and side.name in mine]
            if len(own) != 1 or len([each for each in condition.find_all(exp.Column) if each.name in mine]) != 1:
                raise Unmaintainable(
                    "a subquery that stands for one value may yield several rows, which meet by more than equalities",
                    "write max(...), or ORDER BY ... LIMIT 1, or a join",
                )
            keys += own
        block, unique = self._block(value), tuple(dict.fromkeys(keys))
        rows = f"{value.partition('.')[0]}.rows"
        only = exp.AnyValue(this=column(value))
        items = (Item(rows, exp.Count(this=exp.Star())), Item(f"{rows}.value", only))
        node = Aggregate(block, found.node, unique, items, (*unique, *(item.name for item in items)))
        several = exp.GT(this=column(rows), expression=exp.Literal.number(1))
        refusal = exp.Anonymous(this="error", expressions=[exp.Literal.string(_several)])
        given = exp.Case(ifs=[exp.If(this=several, true=refusal)], default=column(items[1].name))
        return Decorrelated(node, found.conditions, (items[1].name,), single=True), given

    def _beside_flags(
        self, node: Node, name: str, test: _Test, value: Callable[[exp.Expr, exp.Expr], exp.Expr]
    ) -> Node:
        """A column made of whether a query has rows, and whether its value is NULL in one of them."""
        block, alias = self._block(name), self._alias()
        counted = exp.Star() if test.predicate is None else column(test.found.values[0])
        items = (
            Item(f"{alias}.rows", exp.Count(this=exp.Star())),
            Item(f"{alias}.known", exp.Count(this=counted)),
        )
        counts = Aggregate(block, test.found.node, (), items, tuple(item.name for item in items))
        rows, known = column(items[0].name), column(items[1].name)
        flags = (
            Item(f"{alias}.any", exp.GT(this=rows, expression=exp.Literal.number(0))),
            Item(f"{alias}.nulls", exp.GT(this=rows.copy(), expression=known)),
        )
        names = tuple(flag.name for flag in flags)
        row = Distinct(block, projected(block, counts, flags), names)
        joined = self._meet(node, Decorrelated(row, (), names), JoinKind.INNER, ())
        made = value(column(names[0]), column(names[1]))
        return projected(block, joined, [*pass_through(node.columns), Item(name, made)])

    def _test(self, tree: exp.Expr, known: Mapping[exp.Expr, str]) -> _Test:
        """A condition about the rows of a subquery."""
        compare: type[exp.Expr] = exp.EQ
        left: exp.Expr | None = tree.this
        match tree:
            case exp.Exists():
                query, left = tree.this, None
            case exp.In():
                query = tree.args["query"]
            case _:
                query, compare = tree.expression.this, type(tree)
        negated = isinstance(tree.args.get("expression"), exp.All)
        query = _inner(query)
        if left is not None and has_subquery(left):
            raise Unmaintainable("a subquery is compared with a subquery", "write it as a join")
        if left is None and _always_yields(query):
            raise Unmaintainable("EXISTS asks for rows of a query that always has one", "leave it out")
        rows = left is not None
        found = self._known(decorrelated(query, self._alias(), self.aliases, self.scope, rows=rows), known)
        if left is None:
            return _Test(found, None, None, negated)
        mine = substituted(flat(left, self.aliases), known)
        if outermost_aggregates([mine]):
            raise Unmaintainable("an aggregate is compared with a subquery", "compare it in a query around this one")
        sides = mine.expressions if isinstance(mine, exp.Tuple) else [mine]
        if len(sides) != len(found.values) or (len(sides) > 1 and (negated or compare is not exp.EQ)):
            raise Unmaintainable("a subquery is compared with several values", "compare them one by one with EXISTS")
        pairs = [
            compare(this=one.copy() if isinstance(one, exp.Column) else exp.paren(one), expression=column(other))
            for one, other in zip(sides, found.values, strict=True)
        ]
        predicate = pairs if not negated else [exp.Not(this=exp.paren(each, copy=False)) for each in pairs]
        return _Test(found, mine, predicate, negated)

    def _known(self, found: Decorrelated, known: Mapping[exp.Expr, str]) -> Decorrelated:
        """The same with what operators below have computed in its conditions."""
        return replace(found, conditions=tuple(substituted(each, known) for each in found.conditions))

    def _join(self, node: Node, test: _Test, kind: JoinKind, conditions: Sequence[exp.Expr]) -> Node:
        return self._meet(node, test.found, kind, conditions)

    def _meet(self, node: Node, found: Decorrelated, kind: JoinKind, conditions: Sequence[exp.Expr]) -> Node:
        alias = found.values[0].partition(".")[0] if found.values else found.node.columns[0].partition(".")[0]
        mine = {name.name for each in conditions for name in each.find_all(exp.Column)} - set(found.node.columns)
        if not mine <= set(node.columns):
            raise Unmaintainable("a subquery reads a column that is not grouped", "group by that column")
        aliases = self.aliases | {alias} | {name.rpartition(".")[0] for name in mine}
        name = f"{self.scope.block}.{alias}"
        return Meeting(name, node, found.node, list(conditions), aliases, frozenset((alias,))).join(kind)

    def _alias(self) -> str:
        self._number += 1
        name = f"subquery{self._number}"
        return name if name not in self.aliases else self._alias()

    def _block(self, name: str) -> str:
        return f"{self.scope.block}.{name.partition('.')[0]}"


@frozen
class _Test:
    """Whether one of the rows of a subquery that meet a row fulfils a predicate.

    Attributes:
        left: what is compared, None of EXISTS.
        predicate: its parts, which all must hold; None of EXISTS.
        negated: the condition is that there is none: what ALL rows fulfil, none violates.
    """

    found: Decorrelated
    left: exp.Expr | None
    predicate: Sequence[exp.Expr] | None
    negated: bool

    @property
    def surely_false(self) -> bool:
        """Whether rows for which it does not hold are found by key."""
        return self.predicate is None or bool(self.found.conditions)

    @property
    def conditions(self) -> list[exp.Expr]:
        """Under which a row of the subquery fulfils it."""
        return [*self.found.conditions, *(self.predicate or ())]

    def conditions_unless(self, outcome: Literal["false", "known"]) -> list[exp.Expr]:
        """Under which a row meets but the predicate is not false, or not known."""
        if self.predicate is None:
            return list(self.found.conditions)
        whole = exp.paren(exp.and_(*(each.copy() for each in self.predicate), copy=False), copy=False)
        if outcome == "known":
            return [*self.found.conditions, exp.Is(this=whole, expression=exp.null())]
        return [*self.found.conditions, exp.Not(this=exp.Is(this=whole, expression=exp.false()))]


def _is_subquery(node: exp.Expr) -> bool:
    return _is_test(node) or (isinstance(node, exp.Subquery) and isinstance(_inner(node), exp.Query))


def _is_test(node: exp.Expr) -> bool:
    if isinstance(node, exp.Exists):
        return isinstance(_inner(node.this), exp.Query)
    if isinstance(node, exp.In):
        return node.args.get("query") is not None
    quantified = isinstance(node, _comparisons) and isinstance(node.expression, exp.Any | exp.All)
    return quantified and isinstance(_inner(node.expression.this), exp.Query)


def _inner(query: exp.Expr) -> exp.Expr:
    while isinstance(query, exp.Subquery | exp.Paren) and not any(
        query.args.get(key) for key in ("order", "limit", "offset", "with_")
    ):
        query = query.this
    return query


def _decides(node: exp.Expr) -> bool:
    """Whether a part of a condition that is unknown does to it what one does that is false."""
    above = node.parent
    while isinstance(above, exp.And | exp.Or | exp.Paren):
        above = above.parent
    return above is None


def _united(block: str, name: str, parts: Sequence[tuple[Node, exp.Expr]], negated: bool) -> Node:
    """Rows of several nodes with the value that a column has in each."""
    branches = []
    for node, value in parts:
        given: exp.Expr = exp.Cast(this=value, to=exp.DataType.build("boolean"))
        columns = [each for each in node.columns if each != name]
        items = [*pass_through(columns), Item(name, exp.Not(this=given) if negated else given)]
        branches.append(projected(block, node, items))
    return Union(block, tuple(branches), branches[0].columns)


def _unless_known(left: exp.Expr | None, any_: exp.Expr, nulls: exp.Expr) -> exp.Expr:
    """Whether a value that equals none of a query's is unknown to be among them (NULL), or surely not (false)."""
    missing = exp.false() if left is None else exp.Is(this=exp.paren(left), expression=exp.null())
    unknown = exp.and_(any_, exp.or_(missing, nulls, copy=False), copy=False)
    return exp.Case(ifs=[exp.If(this=unknown, true=exp.null())], default=exp.false())


def _always_yields(query: exp.Expr) -> bool:
    """Whether a query has a row whatever it reads."""
    if not isinstance(query, exp.Select) or not is_grouped(query) or query.args.get("group") is not None:
        return False
    return query.args.get("having") is None


def _always_one(node: Node) -> bool:
    """Whether a node yields exactly one row whatever it reads."""
    match node:
        case Aggregate():
            return not node.keys
        case Rowwise():
            plain = not any(node.select.args.get(key) for key in ("where", "joins", "laterals"))
            return plain and next(node.select.find_all(exp.Explode), None) is None and _always_one(node.input)
        case _:
            return False
