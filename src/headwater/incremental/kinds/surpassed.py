"""Rows that can join with nothing, because of the greatest value of a window that is still open.

Where a join by time asks for equality with the greatest (or least) value of a window, as "the bids at the highest price
of ten seconds" does, what is known of an open window already excludes almost every row: its greatest value can only
grow. Such rows are left away before the join, which then keeps a few rows instead of all of its span.

It is known of a row that some value of the slice in which its time lies is greater than its own. That excludes the
row if every window that it may join with holds that slice, which follows from the bounds of the join (see
:func:`_holds`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Join, JoinKind
from headwater.incremental.flows import Build, Cost, Flow, Opening
from headwater.incremental.kinds.slices import SLICE, floored, microseconds, whole
from headwater.incremental.lowering.rows import conjuncts
from headwater.types import quote_identifier

__all__ = ["unsurpassed"]

_greatest: Final = (exp.GT, exp.GTE)
_least: Final = (exp.LT, exp.LTE)


def unsurpassed(
    node: Join,
    left: Flow,
    right: Flow,
    build: Build,
    *,
    times: tuple[str, str],
    span: tuple[timedelta, timedelta],
) -> tuple[Flow, Flow]:
    """The sides of a join without rows that join with nothing.

    Args:
        times: the column of each side by which the join is bounded.
        span: ``least <= left - right <= most``.
    """
    least, most = span
    if node.kind in (JoinKind.INNER, JoinKind.SEMI):
        left = _without(node, left, right, build, pairs=node.on, times=times, span=span)
    if node.kind is JoinKind.INNER:
        pairs = tuple((theirs, mine) for mine, theirs in node.on)
        right = _without(node, right, left, build, pairs=pairs, times=times[::-1], span=(-most, -least))
    return left, right


def _without(
    node: Join,
    mine: Flow,
    theirs: Flow,
    build: Build,
    *,
    pairs: Sequence[tuple[str, str]],
    times: tuple[str, str],
    span: tuple[timedelta, timedelta],
) -> Flow:
    opening = theirs.opening
    if opening is None or not set(opening.keys) <= {other for _, other in pairs}:
        return mine
    beaten = list(_beaten(opening, pairs, node))
    least_rest = _holds(opening, times[1], span)
    if not beaten or least_rest is None:
        return mine
    time = f"({microseconds(_column(times[0]))} - {opening.offset})"
    keys = [f'{_column(column)} = "open".{opening.keys[other]}' for column, other in pairs if other in opening.keys]
    on = " AND ".join([f'"open".{SLICE} = {floored(time, opening.width)}', *keys])
    surpassed = f"({' OR '.join(beaten)})"
    if least_rest > 0:
        surpassed += f' AND {time} - "open".{SLICE} * {opening.width} >= {least_rest}'
    columns = ", ".join(_column(name) for name in mine.columns)
    rows = (
        f'SELECT {columns} FROM {mine.rows} AS "rows" LEFT JOIN {opening.rows} AS "open" ON {on} '
        f"WHERE NOT coalesce({surpassed}, false)"
    )
    return replace(mine, rows=build.work(f"{node.name}.unsurpassed", rows), cost=Cost.WORK)


def _holds(opening: Opening, column: str, span: tuple[timedelta, timedelta]) -> int | None:
    """How far into its slice, in microseconds, a time must lie so that all windows it may join with hold the slice.

    A row at the time ``t`` in the slice ``s`` joins with windows that end from ``t - most`` to ``t - least``. A window
    holds the slice if it ends behind the slice's begin, and at most ``slices`` later than that and before the next:
    the first is so if ``t`` lies further than ``most`` behind the begin, the second if ``-least`` is no longer than the
    window. None where it cannot be told.
    """
    if column not in opening.ends:
        return None
    before = opening.ends[column]
    least, most = whole(span[0] - before), whole(span[1] - before)
    if -least > opening.slices * opening.width or most >= opening.width:
        return None
    return max(0, most + 1)


def _beaten(opening: Opening, pairs: Sequence[tuple[str, str]], node: Join) -> Iterator[str]:
    """Conditions that a row cannot meet the join's, whatever the extremes of its window will be."""
    for column, other in pairs:
        if other in opening.extremes:
            yield _worse(opening, column, other)
    for condition in conjuncts(node.residual):
        if not isinstance(condition, _greatest + _least):
            continue
        sides = (condition.this, condition.expression)
        for (mine, other), words in ((sides, _greatest), (sides[::-1], _least)):
            if not isinstance(mine, exp.Column) or not isinstance(other, exp.Column):
                continue
            known = opening.extremes.get(other.name)
            if known is not None and isinstance(condition, words) is known[0]:
                yield _worse(opening, mine.name, other.name)


def _worse(opening: Opening, column: str, extreme: str) -> str:
    greatest, value = opening.extremes[extreme]
    return f'{_column(column)} {"<" if greatest else ">"} "open".{value}'


def _column(name: str) -> str:
    return f'"rows".{quote_identifier(name)}'
