"""Two sides of a join meet: equalities become columns, conditions about one side filter it.

Apart from FROM because subqueries become joins by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import AsOf, Join, JoinKind, Node
from headwater.incremental.lowering.names import aliases_in
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import conjunction, filtered, key_columns
from headwater.values import frozen

__all__ = ["Meeting"]

_turned: Final[Mapping[type[exp.Expr], tuple[str, str]]] = {
    exp.GTE: (">=", "<="),
    exp.GT: (">", "<"),
    exp.LTE: ("<=", ">="),
    exp.LT: ("<", ">"),
}
"""Comparisons as written and with the sides exchanged."""


@frozen
class _Pair:
    """The sides of an equality; ``alike``: NULL equals NULL."""

    left: exp.Expr
    right: exp.Expr
    alike: bool


@frozen
class Meeting:
    """Two sides and the conditions, over flat names, under which their rows meet.

    ``theirs`` are the FROM items of the right side, ``aliases`` all of them.
    """

    name: str
    left: Node
    right: Node
    on: Sequence[exp.Expr]
    aliases: frozenset[str]
    theirs: frozenset[str]

    def join(self, kind: JoinKind) -> Join:
        """A join of any kind."""
        pairs: list[_Pair] = []
        residual: list[exp.Expr] = []
        only_left: list[exp.Expr] = []
        only_right: list[exp.Expr] = []
        for condition in self.on:
            sides = aliases_in(condition, self.aliases)
            pair = self._equality(condition)
            if pair is not None:
                pairs.append(pair)
            elif sides and sides <= self.theirs and kind is not JoinKind.FULL:
                only_right.append(condition)
            elif sides and not sides & self.theirs and kind in (JoinKind.INNER, JoinKind.SEMI):
                only_left.append(condition)
            else:
                residual.append(condition)
        left = filtered(f"{self.name}.left", self.left, only_left)
        right = filtered(f"{self.name}.right", self.right, only_right)
        left, left_keys = key_columns(f"{self.name}.left", left, [pair.left for pair in pairs], f"{self.name}.left")
        right, right_keys = key_columns(
            f"{self.name}.right", right, [pair.right for pair in pairs], f"{self.name}.right"
        )
        alone = kind in (JoinKind.SEMI, JoinKind.ANTI)
        named = list(zip(left_keys, right_keys, strict=True))
        strict = {names for names, pair in zip(named, pairs, strict=True) if not pair.alike}
        on = tuple(dict.fromkeys(named))
        return Join(
            name=self.name,
            kind=kind,
            left=left,
            right=right,
            on=on,
            residual=conjunction(residual) if residual else None,
            columns=left.columns if alone else (*left.columns, *right.columns),
            alike=frozenset(on) - strict,
        )

    def as_of(self, *, outer: bool) -> AsOf:
        """A join with the nearest row in time."""
        pairs = [pair for each in self.on if (pair := self._equality(each)) is not None]
        times = [each for each in self.on if type(each) in _turned]
        if len(times) != 1 or len(pairs) + 1 != len(self.on) or any(pair.alike for pair in pairs):
            raise Unmaintainable("the condition of ASOF JOIN is more than equalities and one comparison of times")
        time = times[0]
        mine, theirs, (operator, turned) = time.this, time.expression, _turned[type(time)]
        if aliases_in(mine, self.aliases) <= self.theirs:
            mine, theirs, operator = theirs, mine, turned
        name = self.name
        left, left_keys = key_columns(f"{name}.left", self.left, [mine, *(pair.left for pair in pairs)], f"{name}.left")
        right, right_keys = key_columns(
            f"{name}.right", self.right, [theirs, *(pair.right for pair in pairs)], f"{name}.right"
        )
        return AsOf(
            name=name,
            left=left,
            right=right,
            on=tuple(zip(left_keys[1:], right_keys[1:], strict=True)),
            left_time=left_keys[0],
            operator=operator,
            right_time=right_keys[0],
            outer=outer,
            columns=(*left.columns, *right.columns),
        )

    def _equality(self, condition: exp.Expr) -> _Pair | None:
        """An equality between both rows."""
        if not isinstance(condition, exp.EQ | exp.NullSafeEQ):
            return None
        alike = isinstance(condition, exp.NullSafeEQ)
        one, other = condition.this, condition.expression
        ones, others = aliases_in(one, self.aliases), aliases_in(other, self.aliases)
        if not ones or not others:
            return None
        if not ones & self.theirs and others <= self.theirs:
            return _Pair(one, other, alike)
        if not others & self.theirs and ones <= self.theirs:
            return _Pair(other, one, alike)
        return None
