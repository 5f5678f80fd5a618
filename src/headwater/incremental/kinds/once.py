"""Rows written in the query, beside rows that change: they come with the first epoch, and never again.

Kept is one row that says that they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_

from headwater.incremental.algebra.nodes import Node, Union
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, Flow
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Clock

__all__ = ["coming_once"]


def coming_once(node: Node, flows: Sequence[Flow], build: Build) -> list[Flow]:
    """The flows of an operator's inputs, those that never change as ones that came once."""
    return [
        _once(f"{node.name}.input{number}", flow, _clocks(node, flow, flows), build)
        if flow.changes is Changes.CONSTANT
        else flow
        for number, flow in enumerate(flows, 1)
    ]


def _once(name: str, flow: Flow, clocks: dict[str, Clock], build: Build) -> Flow:
    mark = build.work(f"{name}.mark", "SELECT 1 AS came")
    state = build.keep(f"{name}.came", mark)
    first = f"NOT EXISTS (SELECT 1 FROM {state})"
    rows = build.work(name, f"SELECT {listed(flow.columns)} FROM {flow.content} WHERE {first}")
    build.insert(state, f"SELECT came FROM {mark} WHERE {first}")
    return Flow(rows=rows, columns=flow.columns, changes=Changes.APPEND, clocks=clocks, content=flow.content)


def _clocks(node: Node, flow: Flow, flows: Sequence[Flow]) -> dict[str, Clock]:
    """No row is to come after the first epoch, so the clocks of a union are those of its other branches."""
    if not isinstance(node, Union):
        return {}
    others = [each for each in flows if each.changes is not Changes.CONSTANT]
    clocks: dict[str, Clock] = {}
    for at, name in enumerate(flow.columns):
        found = [each.clocks.get(each.columns[at]) for each in others]
        known = [clock for clock in found if clock is not None]
        if known and len(known) == len(others) and not any(clock.closes for clock in known):
            clocks[name] = reduce(and_, known)
    return clocks
