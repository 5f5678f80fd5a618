"""DISTINCT: of appended rows each that was not there before; of others, rows are counted.

Kept is each row once, of rows that come and go with their number.
"""

from __future__ import annotations

from headwater.incremental.algebra.nodes import Aggregate, Distinct
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, Flow, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.grouping import grouping
from headwater.incremental.program import Block, BlockKind

__all__ = ["distinct"]


def distinct(node: Distinct, flow: Flow, build: Build) -> Flow:
    """Each row once."""
    if flow.changes is Changes.REPLACE:
        return grouping(Aggregate(node.name, node.input, node.columns, (), node.columns), (), flow, build)
    name, columns = node.name, listed(node.columns)
    fresh = build.work(f"{name}.rows", f"SELECT DISTINCT {columns} FROM {flow.rows}")
    state = build.keep(name, fresh)
    known = f'EXISTS (SELECT 1 FROM {state} AS "kept" WHERE {matches(node.columns, "new", "kept")})'
    new = build.work(f"{name}.new", f'SELECT {columns} FROM {fresh} AS "new" WHERE NOT {known}')
    build.insert(state, f"SELECT {columns} FROM {new}")
    build.say(
        Block(
            name=name,
            kind=BlockKind.KEYED,
            why="it passes on each row that was not there before",
            cheaper="let the rows carry a window of event time: each window's rows are then forgotten when it closes",
            state="each distinct row once",
            key=node.columns,
            bounded=False,
        )
    )
    return Flow(rows=new, columns=node.columns, changes=Changes.APPEND, clocks=flow.clocks, content=state)
