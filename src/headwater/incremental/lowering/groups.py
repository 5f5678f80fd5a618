"""GROUPING SETS, ROLLUP and CUBE as several groupings, put together with UNION ALL.

Apart from SELECT because the sets are worked out before anything is grouped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.incremental.algebra.nodes import Aggregate, Item, Node, Union
from headwater.incremental.lowering.refusals import Unmaintainable
from headwater.incremental.lowering.rows import column, pass_through, projected
from headwater.values import frozen

__all__ = ["GroupSets", "by_sets", "group_sets"]

_Set: TypeAlias = tuple[exp.Expr, ...]

_most_sets: Final = 32


@frozen
class GroupSets:
    """All keys of a GROUP BY, and the sets of them by which it groups; None where that is the one of all keys."""

    keys: tuple[exp.Expr, ...]
    sets: tuple[_Set, ...] | None


def group_sets(group: exp.Expr, read: Callable[[exp.Expr], exp.Expr]) -> GroupSets:
    """The sets of a GROUP BY; several terms mean every combination of theirs (SQL:2016, 7.13).

    Args:
        read: what a key stands for.
    """
    terms = [*group.expressions]
    for key in ("rollup", "cube", "grouping_sets"):
        terms += group.args.get(key) or ()
    sets: list[_Set] = [()]
    for term in terms:
        sets = [(*before, *more) for before in sets for more in _sets(term, read)]
        if len(sets) > _most_sets:
            raise Unmaintainable(f"it groups by more than {_most_sets} sets of keys", "write the sets that you need")
    several = any(isinstance(term, exp.Rollup | exp.Cube | exp.GroupingSets) for term in terms)
    unique = tuple(tuple(dict.fromkeys(each)) for each in sets)
    return GroupSets(tuple(dict.fromkeys(key for each in unique for key in each)), unique if several else None)


def _sets(term: exp.Expr, read: Callable[[exp.Expr], exp.Expr]) -> list[_Set]:
    match term:
        case exp.Rollup():
            parts = [_keys(part, read) for part in term.expressions]
            return [_together(parts[:count]) for count in range(len(parts), -1, -1)]
        case exp.Cube():
            parts = [_keys(part, read) for part in term.expressions]
            return [_together(some) for count in range(len(parts), -1, -1) for some in combinations(parts, count)]
        case exp.GroupingSets():
            return [each for part in term.expressions for each in _sets(part, read)]
        case _:
            return [_keys(term, read)]


def _keys(term: exp.Expr, read: Callable[[exp.Expr], exp.Expr]) -> _Set:
    """The keys of one set: several in parentheses, none in empty ones."""
    if isinstance(term, exp.Tuple):
        return tuple(read(part) for part in term.expressions)
    return (read(term.unnest()),)


def _together(parts: Sequence[_Set]) -> _Set:
    return tuple(key for part in parts for key in part)


def by_sets(
    node: Node,
    sets: GroupSets,
    keys: Mapping[exp.Expr, str],
    aggregates: tuple[Item, ...],
    *,
    told: Sequence[exp.Expr],
    name: str,
) -> tuple[Node, dict[exp.Expr, str]]:
    """One grouping for each set, and under which names its keys and GROUPING stand afterwards.

    Args:
        keys: the columns of ``node`` that the keys are.
        told: the calls of GROUPING.
    """
    new = {key: f"{name}.key{at}" for at, key in enumerate(sets.keys, 1)}
    new |= {call: f"{name}.grouping{at}" for at, call in enumerate(told, 1)}
    branches = []
    for number, each in enumerate(sets.sets or (), 1):
        columns = tuple(dict.fromkeys(keys[key] for key in each))
        grouped = Aggregate(
            f"{name}{number}", node, columns, aggregates, (*columns, *(item.name for item in aggregates))
        )
        items = [Item(new[key], column(keys[key]) if key in each else exp.null()) for key in sets.keys]
        items += [Item(new[call], _grouping(call, each)) for call in told]
        items += pass_through(item.name for item in aggregates)
        branches.append(projected(name, grouped, items))
    return Union(name, tuple(branches), branches[0].columns), new


def _grouping(call: exp.Expr, keys: _Set) -> exp.Expr:
    """Bits of the arguments that are not grouped by, the last argument's lowest."""
    arguments = [*call.expressions]
    if isinstance(call.args.get("this"), exp.Expr):
        arguments = [call.this, *arguments]
    bits = 0
    for argument in arguments:
        bits = bits * 2 + (argument not in keys)
    return exp.Cast(this=exp.Literal.number(bits), to=exp.DataType.build("bigint"))
