"""What stands between an aggregate and the windows that it groups by.

Apart from the kinds that maintain both at once, because TUMBLE, HOP, CUMULATE and SESSION are found alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlglot import exp

from headwater.incremental.algebra.nodes import (
    Aggregate,
    Analytic,
    AsOf,
    Assign,
    Distinct,
    Join,
    Limit,
    Node,
    Rowwise,
    Session,
)
from headwater.incremental.algebra.render import window_columns
from headwater.incremental.program import Clock
from headwater.values import frozen

__all__ = ["Windowed", "apart", "used_columns", "window_of", "windowed", "windows_by"]


@frozen
class Windowed:
    """Windows below an aggregate.

    Attributes:
        windows: where rows get their windows.
        between: what treats rows alone between there and the aggregate, from below, without the window columns.
        roles: the aggregate's keys that are window columns, and which: 0 start, 1 end, 2 last time.
        origins: the aggregate's other keys that are columns of the rows below the windows, and which.
    """

    windows: Assign | Session
    between: tuple[Rowwise, ...]
    roles: Mapping[str, int]
    origins: Mapping[str, str]


def windowed(node: Aggregate) -> Windowed | None:
    """The windows by which an aggregate groups; None when there are none, or something is computed from them."""
    below, between = node.input, []
    while isinstance(below, Rowwise):
        between.append(below)
        below = below.input
    if not isinstance(below, Assign | Session):
        return None
    roles = {name: role for role, name in enumerate(window_columns(below.prefix))}
    origins = {name: name for name in below.input.columns}
    apart: list[Rowwise] = []
    for each in reversed(between):
        above = {new: roles[old] for new, old in each.passes.items() if old in roles}
        without = _without(each, roles, above)
        if without is None:
            return None
        apart.append(without)
        roles = above
        origins = {new: origins[old] for new, old in each.passes.items() if old in origins}
    if set(used_columns(node)) & set(roles):
        return None
    return Windowed(
        windows=below,
        between=tuple(apart),
        roles={key: roles[key] for key in node.keys if key in roles},
        origins={key: origins[key] for key in node.keys if key in origins},
    )


def used_columns(node: Aggregate) -> tuple[str, ...]:
    """The columns that aggregates are computed from."""
    found = (part.name for item in node.aggregates for part in item.expression.find_all(exp.Column))
    return tuple(dict.fromkeys(found))


def window_of(node: Node, column: str) -> Assign | Session | None:
    """Where the windows are given of which a column of an operator tells start, end or last time."""
    match node:
        case Assign() | Session() if column in window_columns(node.prefix):
            return node
        case Rowwise():
            return window_of(node.input, node.passes[column]) if column in node.passes else None
        case Aggregate():
            return window_of(node.input, column) if column in node.keys else None
        case Assign() | Session() | Analytic() | Distinct() | Limit():
            return window_of(node.input, column) if column in node.input.columns else None
        case Join() | AsOf():
            return window_of(node.left if column in node.left.columns else node.right, column)
        case _:
            return None


def apart(node: Node, column: str, other: str) -> timedelta | None:
    """How long after a column another one of an operator is, in every row; None where that is not known.

    Known of columns that tell one and the same window, of a length that is known.
    """
    if column == other:
        return timedelta()
    pair = {column, other}
    match node:
        case Assign() | Session() if pair <= set(window_columns(node.prefix)):
            return _between(node, column, other)
        case Rowwise() if pair <= node.passes.keys():
            return apart(node.input, node.passes[column], node.passes[other])
        case Aggregate() | Assign() | Session() | Analytic() | Distinct() | Limit() if pair <= set(node.input.columns):
            return apart(node.input, column, other)
        case Join() | AsOf():
            return next(
                (apart(side, column, other) for side in (node.left, node.right) if pair <= {*side.columns}), None
            )
    return None


def _between(node: Assign | Session, column: str, other: str) -> timedelta | None:
    """How long after a window column another one is."""
    size = node.size if isinstance(node, Assign) and node.kind != "CUMULATE" else None
    before = dict(zip(window_columns(node.prefix), (size, timedelta(), timedelta(microseconds=1)), strict=True))
    first, last = before[column], before[other]
    return None if first is None or last is None else first - last


def windows_by(node: Node, time: str, clock: Clock) -> dict[str, Clock]:
    """The clocks of the columns that tell the windows in which a time lies, given the clock of the time.

    A window ends after each time in it, so that when no row with an earlier time than its end is to come, none of the
    window is.
    """
    found: dict[str, Clock] = {}
    for column in node.columns:
        before = _before_the_end(node, column, time)
        if before is not None:
            found[column] = Clock(clock.relations, clock.delay + before, closes=True)
    return found


def _before_the_end(node: Node, column: str, time: str) -> timedelta | None:
    """How long before the end of a row's window a column is, if it tells a window in which the row's time lies."""
    match node:
        case Assign() if column in window_columns(node.prefix):
            lengths = (node.size, timedelta(), timedelta(microseconds=1))
            return lengths[window_columns(node.prefix).index(column)] if node.time == time else None
        case Rowwise():
            known = column in node.passes and time in node.passes
            return _before_the_end(node.input, node.passes[column], node.passes[time]) if known else None
        case Assign() | Analytic() | Distinct() | Limit():
            below = node.input.columns
            return _before_the_end(node.input, column, time) if column in below and time in below else None
        case Join() | AsOf():
            for side in (node.left, node.right):
                if column in side.columns and time in side.columns:
                    return _before_the_end(side, column, time)
            return None
        case _:
            return None


def _without(node: Rowwise, below: Mapping[str, int], above: Mapping[str, int]) -> Rowwise | None:
    """The operator without window columns; None when it computes with them."""
    select = node.select.copy()
    select.set("expressions", [item for item in select.expressions if item.alias_or_name not in above])
    if any(part.name in below for part in select.find_all(exp.Column)):
        return None
    columns = tuple(name for name in node.columns if name not in above)
    return Rowwise(node.name, node.input, select, columns)
