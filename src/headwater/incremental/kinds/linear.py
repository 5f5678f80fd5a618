"""Operators that treat each row by itself: an epoch's result is the query over the epoch's rows.

Linear in the sense of DBSP: gained rows give gained rows, lost rows lost ones. Nothing is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from operator import and_

from headwater.incremental.algebra.nodes import Assign, Join, JoinKind, Relation, Rowwise, Union
from headwater.incremental.algebra.render import window_columns
from headwater.incremental.flows import Build, Flow, weighted
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
    )


def rowwise(node: Rowwise, flow: Flow, build: Build) -> Flow:
    """Projection, filter, unnesting."""
    return Flow(
        rows=build.render(node, [flow.rows], carried=flow.weight),
        columns=node.columns,
        changes=flow.changes,
        clocks={new: flow.clocks[old] for new, old in node.passes.items() if old in flow.clocks},
        settled=frozenset(new for new, old in node.passes.items() if old in flow.settled),
        content=build.render(node, [flow.content]) if flow.content else None,
        computed=build.render(node, [flow.computed]) if flow.computed else None,
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
