"""Operators that treat each row by itself: an epoch's result is the query over the epoch's rows.

Linear in the sense of DBSP: gained rows give gained rows, lost rows lost ones. Nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Final

from sqlglot import exp

from headwater.incremental.algebra.nodes import Assign, Join, JoinKind, Relation, Rowwise, Union
from headwater.incremental.algebra.render import window_columns
from headwater.incremental.flows import Build, Cost, Either, Flow, weighted
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import ChangeMode, Clock, Given, Input
from headwater.relations import DIFF_COLUMN, Role, relation

__all__ = ["assign", "beside_constant", "read", "rowwise", "union"]


def read(node: Relation, given: Given, build: Build) -> Flow:
    """A published relation, the columns that are used of it."""
    appended = given.mode is ChangeMode.APPEND
    role: Role = "change" if appended else "delta"
    build.inputs[Input(node.relation, role)] = None
    used = {name.casefold(): name for name in node.columns}
    return Flow(
        rows=build.render(node, [relation(role, node.relation)], carried=() if appended else (DIFF_COLUMN,)),
        columns=node.columns,
        changes=Changes(given.mode.value),
        clocks={used[name.casefold()]: clock for name, clock in given.clocks.items() if name.casefold() in used},
        settled=frozenset(used[name.casefold()] for name in given.settled if name.casefold() in used),
        cost=Cost.INPUT,
    )


def rowwise(node: Rowwise, flow: Flow, build: Build) -> Flow:
    """Projection, filter, unnesting."""
    clocks = {new: flow.clocks[old] for new, old in node.passes.items() if old in flow.clocks}
    settled = {new for new, old in node.passes.items() if old in flow.settled}
    made: dict[Either, str] = {}
    for name, columns in _coalesced(node).items():
        found = next((each for each in flow.eithers if each.columns == columns), None)
        if found is not None:
            clocks[name], made[found] = found.clock, name
            settled |= {name} if found.settled else set()
        elif columns <= flow.clocks.keys():
            clocks[name] = reduce(and_, (flow.clocks[each] for each in sorted(columns)))
    return Flow(
        rows=build.render(node, [flow.rows], carried=flow.weight),
        columns=node.columns,
        changes=flow.changes,
        clocks=clocks,
        settled=frozenset(settled),
        content=build.render(node, [flow.content]) if flow.content else None,
        computed=build.render(node, [flow.computed]) if flow.computed else None,
        cost=Cost.WORK if flow.is_at_hand and _is_light(node) else flow.cost if _is_light(node) else Cost.COMPUTED,
        opening=flow.opening.renamed(node.passes) if flow.opening else None,
        eithers=tuple(_passed(flow.eithers, node, made)),
        apart=_apart(node, flow),
    )


def _coalesced(node: Rowwise) -> dict[str, frozenset[str]]:
    """The columns that are the first of several columns that is not NULL, and these."""
    found: dict[str, frozenset[str]] = {}
    for item in node.select.expressions:
        waiting, names = [item.unalias()], set[str]()
        while waiting:
            part = waiting.pop().unnest()
            if isinstance(part, exp.Coalesce):
                waiting += [part.this, *part.expressions]
            elif isinstance(part, exp.Column):
                names.add(part.name)
            else:
                names.clear()
                break
        if len(names) > 1:
            found[item.alias_or_name] = frozenset(names)
    return found


def _passed(eithers: Sequence[Either], node: Rowwise, made: Mapping[Either, str]) -> Iterator[Either]:
    """Those of the columns that are passed on, under their new names; ``made`` are columns with their value."""
    new = {old: name for name, old in reversed(list(node.passes.items()))}
    for each in eithers:
        if each.columns <= new.keys():
            name = made.get(each) or new.get(each.name or "")
            yield replace(each, columns=frozenset(new[column] for column in each.columns), name=name)


def _apart(node: Rowwise, flow: Flow) -> frozenset[str] | None:
    """The columns by which rows differ, where all of them are passed on."""
    new = {old: name for name, old in node.passes.items()}
    if flow.apart is None or not flow.apart <= new.keys() or not _is_light(node):
        return None
    return frozenset(new[name] for name in flow.apart)


def _alone(node: Rowwise) -> bool:
    """Whether each row becomes one row at most."""
    return {key for key, part in node.select.args.items() if part} <= {"expressions", "from_", "where"}


def _is_light(node: Rowwise) -> bool:
    """Whether its rows may as well be computed twice as kept."""
    parts = [*node.select.expressions, *filter(None, [node.select.args.get("where")])]
    return _alone(node) and all(isinstance(each, _light) for part in parts for each in part.walk())


_light: Final = (
    exp.Alias,
    exp.Identifier,
    exp.Column,
    exp.Dot,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Predicate,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.Where,
    exp.Interval,
    exp.Var,
    exp.Cast,
    exp.DataType,
    exp.Add,
    exp.Sub,
)


def assign(node: Assign, flow: Flow, build: Build) -> Flow:
    """Windows of time. The end of a window is a time that closes: no later row has a window that ended before."""
    start, end, last = window_columns(node.prefix)
    clocks = dict(flow.clocks)
    clock = flow.clocks.get(node.time)
    if clock is not None and not clock.closes:
        clocks[end] = Clock(clock.relations, clock.delay, closes=True)
        clocks[last] = Clock(clock.relations, clock.delay + timedelta(microseconds=1), closes=True)
        if node.size is not None:
            clocks[start] = Clock(clock.relations, clock.delay + node.size, closes=True)
    return Flow(
        rows=build.render(node, [flow.rows], carried=flow.weight),
        columns=node.columns,
        changes=flow.changes,
        clocks=clocks,
        content=build.render(node, [flow.content]) if flow.content else None,
    )


def union(node: Union, flows: Sequence[Flow], build: Build) -> Flow:
    """All rows of the inputs; time has advanced as far as in the slowest."""
    changes = Changes.REPLACE if any(flow.changes is Changes.REPLACE for flow in flows) else Changes.APPEND
    carried = (DIFF_COLUMN,) if changes is Changes.REPLACE else ()
    rows = [weighted(flow) if carried else flow.rows for flow in flows]
    contents = [flow.content for flow in flows if flow.content is not None]
    computed = [flow.content or flow.computed for flow in flows]
    held = [rows for rows in computed if rows is not None]
    clocks: dict[str, Clock] = {}
    for at, name in enumerate(node.columns):
        found = [flow.clocks.get(part.columns[at]) for flow, part in zip(flows, node.inputs, strict=True)]
        known = [clock for clock in found if clock is not None]
        if len(known) == len(flows):
            clocks[name] = reduce(and_, known)
    settled = frozenset(
        name
        for at, name in enumerate(node.columns)
        if name in clocks
        and all(
            part.columns[at] in flow.settled and flow.clocks[part.columns[at]] == clocks[name]
            for flow, part in zip(flows, node.inputs, strict=True)
        )
    )
    return Flow(
        rows=build.render(node, rows, carried=carried),
        columns=node.columns,
        changes=changes,
        clocks=clocks,
        settled=settled,
        content=build.render(node, contents) if len(contents) == len(flows) else None,
        computed=build.render(node, held) if len(held) == len(flows) else None,
    )


def beside_constant(node: Join, left: Flow, right: Flow, build: Build) -> Flow | None:
    """A join with rows that never change, where each row of the other side is treated by itself; else None."""
    if right.changes is Changes.CONSTANT and node.kind is not JoinKind.FULL:
        changing = left
    elif left.changes is Changes.CONSTANT and node.kind is JoinKind.INNER:
        changing = right
    else:
        return None

    def beside(rows: str) -> str:
        inputs = [rows, right.content or ""] if changing is left else [left.content or "", rows]
        return build.render(node, inputs, carried=changing.weight)

    return Flow(
        rows=beside(changing.rows),
        columns=node.columns,
        changes=changing.changes,
        clocks={name: clock for name, clock in changing.clocks.items() if name in node.columns},
        settled=changing.settled & frozenset(node.columns),
    )
