"""Inner joins: what each side gained or lost, joined with the other side.

The join is bilinear, so the result changes by ``L_after x dR + dL x R_before`` (DBSP, VLDB 2023).
Both sides are kept. Of two appended sides the result is appended.
"""

from __future__ import annotations

from headwater.incremental.algebra.nodes import Join
from headwater.incremental.algebra.render import render
from headwater.incremental.flows import Build, Flow
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Block, BlockKind
from headwater.relations import DIFF_COLUMN

__all__ = ["product"]


def product(node: Join, left: Flow, right: Flow, build: Build) -> Flow:
    """An inner join of two changing sides."""
    name = node.name
    gained_left = build.shared(f"{name}.left", left.rows)
    gained_right = build.shared(f"{name}.right", right.rows)
    after = build.arranged(f"{name}.left", left)
    before, advance = build.arranged_before(f"{name}.right", right)
    changes = Changes.REPLACE if Changes.REPLACE in (left.changes, right.changes) else Changes.APPEND
    carried = (DIFF_COLUMN,) if changes is Changes.REPLACE else ()
    one = f'(SELECT *, CAST(1 AS BIGINT) AS "{DIFF_COLUMN}" FROM {{}})'
    by_left = gained_left if not carried or left.weight else one.format(gained_left)
    by_right = gained_right if not carried or right.weight else one.format(gained_right)
    parts = (render(node, [after, by_right], carried=carried), render(node, [by_left, before], carried=carried))
    delta = build.work(f"{name}.delta", " UNION ALL ".join(parts))
    advance()
    build.say(
        Block(
            name=name,
            kind=BlockKind.KEYED,
            why="it joins rows that came at any time",
            cheaper="bound the difference of their event times in the condition: older rows are then forgotten",
            state="the rows of both sides",
            key=tuple(mine for mine, _ in node.on),
            bounded=False,
        )
    )
    return Flow(rows=delta, columns=node.columns, changes=changes)
