"""Interval joins: two appended sides whose times are at most so far apart.

A pair is joined when its later row comes. A row is kept until the watermark of the other side, moved by the bound, has
passed it: then no partner comes any more. Then an outer or anti join tells that it had none, for
which partners are kept as long as such a row may still wait (Flink's interval join is inner and outer alike; rows that
wait are told from the others by joining once more, so that no counts of partners are kept).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Join, JoinKind
from headwater.incremental.algebra.render import listed, meets, render
from headwater.incremental.flows import Build, Flow
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.windowed import apart, windows_by
from headwater.incremental.lowering.rows import conjuncts
from headwater.incremental.program import Block, BlockKind, Clock
from headwater.sql.intervals import interval_lengths
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["Bound", "bound_of", "interval_join"]

_never: Final = timedelta.max


@frozen
class Bound:
    """How far apart the times of a pair are: ``least <= left - right <= most``; None where nothing limits it."""

    left: str
    right: str
    least: timedelta | None
    most: timedelta | None

    @property
    def closed(self) -> bool:
        return self.least is not None and self.most is not None


def bound_of(node: Join, left: Flow, right: Flow) -> Bound | None:
    """The bound by which a join can forget rows; None when the join of this kind needs more than it says."""
    if left.changes is not Changes.APPEND or right.changes is not Changes.APPEND:
        return None
    found = [
        bound
        for mine in left.clocks
        for theirs in right.clocks
        if (bound := _bound(node, mine, theirs)) is not None and _suffices(node.kind, bound)
    ]
    return max(found, key=lambda bound: bound.closed, default=None)


def _suffices(kind: JoinKind, bound: Bound) -> bool:
    match kind:
        case JoinKind.INNER:
            return True
        case JoinKind.FULL:
            return bound.closed
        case _:
            return bound.least is not None


def _bound(node: Join, left: str, right: str) -> Bound | None:
    least: list[timedelta] = []
    most: list[timedelta] = []
    for low, high in _differences(node, left, right):
        least += [] if low is None else [low]
        most += [] if high is None else [high]
    if not least and not most:
        return None
    return Bound(left, right, max(least, default=None), min(most, default=None))


def _differences(node: Join, left: str, right: str) -> Iterator[tuple[timedelta | None, timedelta | None]]:
    """What each condition says of ``left - right``: at least, at most.

    A condition on another column of the same window says it too: windows have a length.
    """

    def shifted(mine: str, theirs: str, difference: timedelta) -> timedelta | None:
        """``left - right``, from ``mine - theirs``."""
        one, other = apart(node.left, mine, left), apart(node.right, theirs, right)
        return None if one is None or other is None else difference + one - other

    for mine, theirs in node.on:
        if (mine, theirs) not in node.alike:
            always = shifted(mine, theirs, timedelta())
            yield always, always
    for smaller, larger in _orders(node):
        found = _linear(exp.Sub(this=smaller.copy(), expression=larger.copy()))
        if found is None or sorted(found[0].values()) != [-1, 1]:
            continue
        (less, more), least = sorted(found[0], key=lambda name: -found[0][name]), found[1]
        if less in node.left.columns and more in node.right.columns:
            yield None, shifted(less, more, -least)
        elif less in node.right.columns and more in node.left.columns:
            yield shifted(more, less, least), None


def _orders(node: Join) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """Pairs of which a join asks that the first is not greater than the second."""
    for condition in conjuncts(node.residual):
        match condition:
            case exp.Between():
                yield condition.args["low"], condition.this
                yield condition.this, condition.args["high"]
            case exp.LTE() | exp.LT():
                yield condition.this, condition.expression
            case exp.GTE() | exp.GT():
                yield condition.expression, condition.this
            case _:
                pass


def _linear(tree: exp.Expr) -> tuple[dict[str, int], timedelta] | None:
    """An expression as columns, each taken so many times, and the least length of time added; None if it is another."""
    terms: dict[str, int] = {}
    total = timedelta()
    waiting = [(tree, 1)]
    while waiting:
        node, sign = waiting.pop()
        match node:
            case exp.Paren():
                waiting.append((node.this, sign))
            case exp.Neg():
                waiting.append((node.this, -sign))
            case exp.Add() | exp.Sub():
                other = sign if isinstance(node, exp.Add) else -sign
                waiting += [(node.this, sign), (node.expression, other)]
            case exp.Column():
                terms[node.name] = terms.get(node.name, 0) + sign
            case exp.Interval() if (lengths := interval_lengths(node)) is not None:
                total += min(sign * length for length in lengths)
            case _:
                return None
    return {name: times for name, times in terms.items() if times}, total


@frozen
class _Side:
    """One side: its rows of the epoch, those kept, its time, and when no partner of a row comes any more."""

    columns: tuple[str, ...]
    fresh: str
    kept: str
    time: str
    settled: Clock | None
    needed: Clock | None

    def untimed(self) -> str:
        return f"{quote_identifier(self.time)} IS NULL"

    def insert(self, build: Build, rows: str, *, waiting: bool = False) -> None:
        """Keep rows: those without time have no partner ever.

        Args:
            waiting: all is said of the rows that :meth:`forget` drops in this epoch, so that they are not kept at all.
        """
        done = self._done(build) if waiting else None
        still = f" AND NOT ({done})" if done else ""
        build.insert(self.kept, f"SELECT {listed(self.columns)} FROM {rows} WHERE NOT {self.untimed()}{still}")

    def forget(self, build: Build) -> None:
        """Drop rows without partner to come, which no waiting row of the other side needs either."""
        done = self._done(build)
        if done:
            build.delete(self.kept, done)

    def _done(self, build: Build) -> str | None:
        if self.settled is None:
            return None
        further = [] if self.needed is None else [build.closed(self.time, self.needed)]
        return " AND ".join([build.closed(self.time, self.settled), *further])


def interval_join(node: Join, bound: Bound, left: Flow, right: Flow, build: Build) -> Flow:
    """Join two sides within a bound; the result is appended."""
    by_left, by_right = left.clocks[bound.left], right.clocks[bound.right]
    least, most = bound.least, bound.most
    width = most - least if least is not None and most is not None else None
    waits = node.kind in (JoinKind.LEFT, JoinKind.FULL)
    one = _side(
        f"{node.name}.left",
        left,
        bound.left,
        build,
        settled=_shifted(by_right, None if least is None else -least),
        needed=_shifted(by_left, width) if node.kind is JoinKind.FULL else None,
    )
    other = _side(
        f"{node.name}.right",
        right,
        bound.right,
        build,
        settled=_shifted(by_left, most),
        needed=_shifted(by_right, width) if waits else None,
    )
    rows = _filtering(node, one, other, build) if node.kind in _filters else _pairing(node, one, other, build)
    one.forget(build)
    other.forget(build)
    build.say(_block(node, bound))
    relations = by_left.relations | by_right.relations
    clocks: dict[str, Clock] = {}
    if least is not None:
        clock = Clock(relations, max(by_left.delay, by_right.delay - least))
        clocks |= {} if node.kind is JoinKind.FULL else windows_by(node.left, bound.left, clock)
        clocks[bound.left] = clock
    if most is not None and bound.right in node.columns:
        clock = Clock(relations, max(by_right.delay, by_left.delay + most))
        clocks |= windows_by(node.right, bound.right, clock) if node.kind is JoinKind.INNER else {}
        clocks[bound.right] = clock
    return Flow(rows=rows, columns=node.columns, changes=Changes.APPEND, clocks=clocks)


_filters: Final = frozenset((JoinKind.SEMI, JoinKind.ANTI))


def _shifted(clock: Clock, by: timedelta | None) -> Clock | None:
    return None if by is None else Clock(clock.relations, clock.delay + by)


def _side(name: str, flow: Flow, time: str, build: Build, *, settled: Clock | None, needed: Clock | None) -> _Side:
    fresh = build.reading(name, flow)
    return _Side(flow.columns, fresh, build.keep(f"{name}.rows", fresh), time, settled, needed)


def _pairing(node: Join, left: _Side, right: _Side, build: Build) -> str:
    """Pairs, and rows that settled without partner."""
    alone_left = _due(f"{node.name}.left", left, build) if node.kind is not JoinKind.INNER else None
    alone_right = _due(f"{node.name}.right", right, build) if node.kind is JoinKind.FULL else None
    pairs = replace(node, kind=JoinKind.INNER)
    right.insert(build, right.fresh)
    found = [render(pairs, [left.fresh, right.kept]), render(pairs, [left.kept, right.fresh])]
    rows = build.work(f"{node.name}.pairs", " UNION ALL ".join(found))
    left.insert(build, left.fresh, waiting=node.kind is not JoinKind.FULL)
    parts = [f"SELECT * FROM {rows}"]
    if alone_left is not None:
        lacking = replace(node, kind=JoinKind.ANTI, columns=left.columns)
        lonely = render(lacking, [alone_left, right.kept])
        parts.append(f"SELECT {listed(left.columns)}, {_nothing(right)} FROM ({lonely})")
    if alone_right is not None:
        on = tuple((theirs, mine) for mine, theirs in node.on)
        alike = frozenset((theirs, mine) for mine, theirs in node.alike)
        lacking = Join(node.name, JoinKind.ANTI, node.right, node.left, on, node.residual, right.columns, alike)
        lonely = render(lacking, [alone_right, left.kept])
        parts.append(f"SELECT {_nothing(left)}, {listed(right.columns)} FROM ({lonely})")
    return rows if len(parts) == 1 else build.work(f"{node.name}.rows", " UNION ALL ".join(parts))


def _nothing(side: _Side) -> str:
    return ", ".join(f"NULL AS {quote_identifier(name)}" for name in side.columns)


def _due(name: str, side: _Side, build: Build) -> str:
    """The rows of which it became known in this epoch that no partner comes, before the epoch's rows are kept."""
    columns = listed(side.columns)
    now = "false" if side.settled is None else build.closed(side.time, side.settled)
    waiting = now
    if side.settled is not None and side.needed is not None:
        waiting += f" AND NOT {build.closed(side.time, side.settled, before=True)}"
    return build.work(
        f"{name}.due",
        f"SELECT {columns} FROM {side.kept} WHERE {waiting} UNION ALL "
        f"SELECT {columns} FROM {side.fresh} WHERE {now} OR {side.untimed()}",
    )


def _filtering(node: Join, left: _Side, right: _Side, build: Build) -> str:
    """Rows that have a partner, as soon as one comes, or rows that settled without."""
    having, lacking = replace(node, kind=JoinKind.SEMI), replace(node, kind=JoinKind.ANTI)
    right.insert(build, right.fresh)
    met = f'EXISTS (SELECT 1 FROM {right.fresh} AS "r" WHERE {meets(node)})'
    lacks = build.work(f"{node.name}.waiting", render(lacking, [left.fresh, right.kept]))
    if node.kind is JoinKind.SEMI:
        found = [render(having, [left.kept, right.fresh]), render(having, [left.fresh, right.kept])]
        result = build.work(f"{node.name}.found", " UNION ALL ".join(found))
        build.delete(left.kept, met)
    else:
        build.delete(left.kept, met)
        result = _due(node.name, replace(left, fresh=lacks), build)
    left.insert(build, lacks, waiting=True)
    return result


def _block(node: Join, bound: Bound) -> Block:
    last = (
        "both sides have passed them by the bound"
        if node.kind in (JoinKind.LEFT, JoinKind.FULL)
        else ("the other side has passed them by the bound")
    )
    return Block(
        name=node.name,
        kind=BlockKind.INTERVAL_JOIN,
        why="both sides append, and the condition bounds how far apart the times of a pair are",
        cheaper=None
        if bound.closed
        else "bound the times in both directions, so that rows of both sides are forgotten",
        state=f"rows of both sides until the watermarks of {last}",
        key=tuple(mine for mine, _ in node.on),
        bounded=bound.closed,
    )
