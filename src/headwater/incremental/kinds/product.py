"""Inner joins: what each side gained or lost, joined with the other side.

The join is bilinear, so the result changes by ``L_after x dR + dL x R_before`` (DBSP, VLDB 2023).
Both sides are kept, the result is not. Of two appended sides the result is appended.
"""

from __future__ import annotations

from headwater.incremental.algebra.nodes import Join
from headwater.incremental.algebra.render import listed, render
from headwater.incremental.flows import Build, Flow, diff, present, weighted
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Block, BlockKind
from headwater.relations import DIFF_COLUMN
from headwater.types import quote_identifier

__all__ = ["product"]

_TIMES = "_hw_times"
_times = quote_identifier(_TIMES)


def product(node: Join, left: Flow, right: Flow, build: Build) -> Flow:
    """An inner join of two changing sides."""
    name = node.name
    mine, theirs = tuple(pair[0] for pair in node.on), tuple(pair[1] for pair in node.on)
    gained_left = build.shared(f"{name}.left", left.rows)
    gained_right = build.shared(f"{name}.right", right.rows)
    after = left.content or build.table(f"{name}.left", left, mine)
    before, advance = build.table_before(f"{name}.right", right, theirs)
    build.say(_block(node, left, right))
    if Changes.REPLACE in (left.changes, right.changes):
        numbered = left.changes is Changes.REPLACE and left.content is None
        parts = (
            _times_over(node, _counted(left, after, numbered=numbered), weighted(right, gained_right)),
            _times_over(node, weighted(left, gained_left), _counted(right, before, numbered=bool(right.weight))),
        )
    else:
        numbered = False
        parts = (render(node, [after, gained_right]), render(node, [gained_left, before]))
    rows = build.work(f"{name}.delta", " UNION ALL ".join(parts))
    advance()
    changes = Changes.REPLACE if Changes.REPLACE in (left.changes, right.changes) else Changes.APPEND
    sides = [present(after, left) if numbered else after, present(before, right)]
    return Flow(rows=rows, columns=node.columns, changes=changes, computed=build.render(node, sides))


def _counted(flow: Flow, rows: str, *, numbered: bool) -> str:
    """All rows of a side with their number."""
    number = diff if numbered else "CAST(1 AS BIGINT)"
    return f"(SELECT {listed(flow.columns)}, {number} AS {_times} FROM {rows})"


def _times_over(node: Join, left: str, right: str) -> str:
    """Pairs of rows, each as often as both stand for."""
    pairs = render(node, [left, right], carried=(DIFF_COLUMN, _TIMES))
    return f"SELECT {listed(node.columns)}, {diff} * {_times} AS {diff} FROM ({pairs})"


def _block(node: Join, left: Flow, right: Flow) -> Block:
    keys = tuple(mine for mine, _ in node.on)
    appended = left.changes is Changes.APPEND and right.changes is Changes.APPEND
    return Block(
        name=node.name,
        kind=BlockKind.KEYED,
        why="each new row is joined with what the other side holds" + ("" if keys else ", all of it"),
        cheaper="bound the difference of two event times in the condition, so that rows are forgotten"
        if appended
        else None,
        state="the rows of both sides, the columns that are used of them",
        key=keys,
        bounded=False,
    )
