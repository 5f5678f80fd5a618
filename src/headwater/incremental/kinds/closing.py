"""Operators by window, computed when the watermark has closed it.

Where rows come together by the end (or start) of a window, no more of them come once the watermark
has passed: then the result of that window is final, is appended, and its rows are forgotten. Kept are the
rows of open windows. Nothing is kept where the input itself comes only when a window closes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import and_

from headwater.incremental.algebra.nodes import (
    Aggregate,
    Analytic,
    Distinct,
    Join,
    JoinKind,
    Node,
    SetOperation,
    inputs_of,
)
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, Either, Flow
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.windowed import window_of
from headwater.incremental.program import Block, BlockKind, Clock
from headwater.values import frozen

__all__ = ["Closing", "closing", "closing_key"]


@frozen
class Closing:
    """The column of each input by which windows close, that column in the output, and the clock of all."""

    inputs: tuple[str, ...]
    outputs: frozenset[str]
    clock: Clock


def closing_key(node: Node, flows: Sequence[Flow]) -> Closing | None:
    """By which windows an operator can be computed when they close; None when by none."""
    if any(flow.changes is not Changes.APPEND for flow in flows):
        return None
    found = [
        Closing(columns, outputs & frozenset(node.columns), reduce(and_, clocks))
        for columns, outputs in _together(node)
        if all(column in flow.clocks for column, flow in zip(columns, flows, strict=True))
        for clocks in ([flow.clocks[column] for column, flow in zip(columns, flows, strict=True)],)
        if all(clock.closes for clock in clocks)
    ]
    return min(found, key=lambda each: each.clock.delay, default=None)


def closing(node: Node, closes: Closing, flows: Sequence[Flow], build: Build) -> Flow:
    """Compute an operator for the windows that closed in this epoch."""
    settled = all(
        column in flow.settled and flow.clocks[column] == closes.clock
        for column, flow in zip(closes.inputs, flows, strict=True)
    )
    build.say(_block(node, closes, settled=settled))
    if settled:
        rows = build.render(node, [flow.rows for flow in flows])
    else:
        closed = [
            _closed(f"{node.name}.input{number}", column, closes.clock, flow, build)
            for number, (column, flow) in enumerate(zip(closes.inputs, flows, strict=True), 1)
        ]
        rows = build.render(node, closed)
    told = _told(node, closes, flows, settled=settled)
    filled = _filled(node) if isinstance(node, Join) else frozenset[str]()
    return Flow(
        rows=rows,
        columns=node.columns,
        changes=Changes.APPEND,
        clocks={name: replace(clock, closes=name not in filled) for name, clock in told.items()},
        settled=closes.outputs,
        eithers=tuple(_eithers(node, closes, flows, told)) if isinstance(node, Join) else (),
    )


def _told(node: Node, closes: Closing, flows: Sequence[Flow], *, settled: bool) -> dict[str, Clock]:
    """The clocks of the columns by which windows close, and of others that close.

    Rows that were kept come as late as their window closes, whatever other times are in them: then only times of the
    same window are told, which are as far from its end as their clocks. Where an outer join fills columns with NULLs,
    which come at any time, they do not close; what time they have is told by the clock all the same.
    """
    clocks = dict.fromkeys(closes.outputs, closes.clock)
    named = 1 if isinstance(node, SetOperation) else len(flows)
    for column, flow, below in list(zip(closes.inputs, flows, inputs_of(node), strict=True))[:named]:
        window, later = window_of(below, column), closes.clock.delay - flow.clocks[column].delay
        for name, clock in flow.clocks.items():
            if not clock.closes or name not in node.columns or name in clocks:
                continue
            if settled:
                clocks[name] = clock
            elif name == column or (window is not None and window_of(below, name) is window):
                clocks[name] = Clock(closes.clock.relations, clock.delay + later, closes=True)
    return clocks


def _eithers(node: Join, closes: Closing, flows: Sequence[Flow], told: Mapping[str, Clock]) -> Iterator[Either]:
    """What is there of the sides of an equality, where a join fills one of them with NULLs."""
    if node.kind not in (JoinKind.LEFT, JoinKind.FULL):
        return
    for pair in node.on:
        if not set(pair) <= told.keys():
            continue
        clock, settled = told[pair[0]] & told[pair[1]], pair == closes.inputs
        yield Either(frozenset(pair), closes.clock if settled else clock, settled)
        for flow, mine, theirs in ((flows[0], pair[0], pair[1]), (flows[1], pair[1], pair[0])):
            for below in flow.eithers:
                if below.name == mine:
                    yield Either(below.columns | {theirs}, closes.clock if settled else clock, settled)


def _block(node: Node, closes: Closing, *, settled: bool) -> Block:
    return Block(
        name=node.name,
        kind=BlockKind.WINDOW,
        why=f"its rows come together by {closes.inputs[0]}, and no more of them come once the watermark has passed it",
        state=None if settled else "the rows of open windows",
        key=() if settled else closes.inputs,
    )


def _closed(name: str, column: str, clock: Clock, flow: Flow, build: Build) -> str:
    """The rows of windows that closed, taken out of those that are kept."""
    state = build.keep(name, flow.rows)
    build.insert(state, f"SELECT {listed(flow.columns)} FROM {flow.rows}")
    return build.take(f"{name}.closed", state, build.closed(column, clock))


def _filled(node: Join) -> frozenset[str]:
    """The columns that an outer join fills with NULLs, which come at any time."""
    match node.kind:
        case JoinKind.LEFT:
            return frozenset(node.right.columns)
        case JoinKind.FULL:
            return frozenset((*node.left.columns, *node.right.columns))
        case _:
            return frozenset()


def _together(node: Node) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    """Columns of the inputs by which rows come together, and their names in the output."""
    match node:
        case Aggregate():
            return [((name,), frozenset((name,))) for name in node.keys]
        case Analytic():
            return [((name,), frozenset((name,))) for name in node.partition]
        case Distinct():
            return [((name,), frozenset((name,))) for name in node.columns]
        case Join():
            return [(pair, frozenset(pair) - _filled(node)) for pair in node.on]
        case SetOperation():
            return [
                ((mine, theirs), frozenset((name,)))
                for mine, theirs, name in zip(node.left.columns, node.right.columns, node.columns, strict=True)
            ]
        case _:
            return []
