"""What stands between an aggregate and the windows that it groups by.

Apart from the kinds that maintain both at once, because TUMBLE, HOP, CUMULATE and SESSION are found alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

__all__ = ["Windowed", "used_columns", "window_of", "windowed"]


@dataclass(frozen=True, slots=True)
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


def _without(node: Rowwise, below: Mapping[str, int], above: Mapping[str, int]) -> Rowwise | None:
    """The operator without window columns; None when it computes with them."""
    select = node.select.copy()
    select.set("expressions", [item for item in select.expressions if item.alias_or_name not in above])
    if any(part.name in below for part in select.find_all(exp.Column)):
        return None
    columns = tuple(name for name in node.columns if name not in above)
    return Rowwise(node.name, node.input, select, columns)
