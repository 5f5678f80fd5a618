"""Outer, semi and anti joins of changing sides: the keys that changed are joined as they were and as they are now.

Whether a row has a partner depends on all rows with its key, so both sides are kept, and read for the touched keys
alone. The result is not kept: the join of the same rows is the same rows, so what was published can be computed again
to be taken back (unlike what aggregates yield, whose floating sums depend on the order of their terms).
Where both sides only grow, what stays is not joined again: new rows find their partners, and the rows of the left that
had none are taken back when the first comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from headwater.incremental.algebra.nodes import Join, JoinKind
from headwater.incremental.algebra.render import listed, render
from headwater.incremental.flows import Build, Flow, consolidated, diff, present, weighted
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.program import Block, BlockKind
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["matching"]


@frozen
class _Side:
    """The rows of the touched keys ``before`` and ``after``, for FROM; ``whole``: all rows after this epoch."""

    before: str
    after: str
    whole: str
    advance: Callable[[], None]


def matching(node: Join, left: Flow, right: Flow, build: Build) -> Flow:
    """Join with the rows that a key has, for the touched keys; the result comes and goes."""
    name = node.name
    mine, theirs = tuple(pair[0] for pair in node.on), tuple(pair[1] for pair in node.on)
    gained = (build.shared(f"{name}.left", left.rows), build.shared(f"{name}.right", right.rows))
    keys = " UNION ".join(
        f"SELECT {', '.join(f'{quote_identifier(column)} AS key{at}' for at, column in enumerate(columns, 1))} "
        f"FROM {rows} WHERE {_whole(columns)}"
        for columns, rows in zip((mine, theirs), gained, strict=True)
    )
    touched = build.work(f"{name}.touched", keys)
    if _only_grow(node, left, right):
        return _growing(node, left, right, touched, build)
    one = _side(f"{name}.left", left, mine, touched, build)
    other = _side(f"{name}.right", right, theirs, touched, build)
    columns = listed(node.columns)
    parts = [
        f"SELECT {columns}, CAST(1 AS BIGINT) AS {diff} FROM ({render(node, [one.after, other.after])})",
        f"SELECT {columns}, CAST(-1 AS BIGINT) FROM ({render(node, [one.before, other.before])})",
        *_lonely(node, weighted(left, gained[0]), weighted(right, gained[1]), mine, theirs),
    ]
    rows = build.work(f"{name}.delta", consolidated(node.columns, f"({' UNION ALL '.join(parts)})"))
    one.advance()
    other.advance()
    build.say(_block(node))
    whole = build.render(node, [one.whole, other.whole])
    return Flow(rows=rows, columns=node.columns, changes=Changes.REPLACE, computed=whole)


def _only_grow(node: Join, left: Flow, right: Flow) -> bool:
    """Whether a row is taken back only when its first partner comes."""
    sides = (left, right)
    return node.kind in (JoinKind.LEFT, JoinKind.ANTI) and all(
        side.changes is Changes.APPEND and side.content is None for side in sides
    )


def _growing(node: Join, left: Flow, right: Flow, touched: str, build: Build) -> Flow:
    """New rows of the left with all partners, and the left's rows of before with new partners.

    Those of them that had no partner are taken back as they stood. Nothing that stays is computed.
    """
    name, columns = node.name, listed(node.columns)
    mine, theirs = tuple(pair[0] for pair in node.on), tuple(pair[1] for pair in node.on)
    came_left, came_right = build.shared(f"{name}.left", left.rows), build.shared(f"{name}.right", right.rows)
    kept_left, advance_left = build.table_before(f"{name}.left", left, mine)
    kept_right, advance_right = build.table_before(f"{name}.right", right, theirs)
    pairs = " AND ".join(f'"new".{quote_identifier(other)} = "kept".{quote_identifier(own)}' for own, other in node.on)
    met = f'EXISTS (SELECT 1 FROM {came_right} AS "new" WHERE {pairs})'
    waiting = build.work(f"{name}.waiting", f'SELECT {listed(left.columns)} FROM {kept_left} AS "kept" WHERE {met}')
    before = build.work(
        f"{name}.right.before",
        f'SELECT {listed(right.columns)} FROM {kept_right} AS "kept" WHERE {_touches(touched, theirs)}',
    )
    after = f"(SELECT * FROM {before} UNION ALL SELECT {listed(right.columns)} FROM {came_right})"
    lonely = render(replace(node, kind=JoinKind.ANTI, columns=node.left.columns), [waiting, before])
    no_more = render(replace(node, kind=JoinKind.SEMI, columns=node.left.columns), [f"({lonely})", came_right])
    parts = [f"SELECT {columns}, CAST(1 AS BIGINT) AS {diff} FROM ({render(node, [came_left, after])})"]
    if node.kind is JoinKind.LEFT:
        inner = render(replace(node, kind=JoinKind.INNER), [waiting, came_right])
        parts.append(f"SELECT {columns}, CAST(1 AS BIGINT) FROM ({inner})")
    parts.append(f"SELECT {_filled(node)}, CAST(-1 AS BIGINT) FROM ({no_more})")
    rows = build.work(f"{name}.delta", " UNION ALL ".join(parts))
    advance_left()
    advance_right()
    build.say(_block(node))
    whole = build.render(node, [kept_left, kept_right])
    return Flow(rows=rows, columns=node.columns, changes=Changes.REPLACE, computed=whole)


def _side(name: str, flow: Flow, keys: Sequence[str], touched: str, build: Build) -> _Side:
    columns, changed = listed(flow.columns), build.shared(name, flow.rows)
    here = _touches(touched, keys)
    timed = f"{columns}, {diff}"
    if flow.content is not None:
        after = build.work(f"{name}.after", f'SELECT {columns} FROM {flow.content} AS "kept" WHERE {here}')
        taken = f'SELECT {columns}, -{diff} AS {diff} FROM {weighted(flow, changed)} AS "kept" WHERE {here}'
        both = f"SELECT {columns}, CAST(1 AS BIGINT) AS {diff} FROM {after} UNION ALL {taken}"
        before = build.work(f"{name}.before", consolidated(flow.columns, f"({both})"))
        return _Side(_single(before, flow.columns), after, flow.content, lambda: None)
    state, advance = build.table_before(name, flow, keys)
    if flow.changes is not Changes.REPLACE:
        before = build.work(f"{name}.before", f'SELECT {columns} FROM {state} AS "kept" WHERE {here}')
        return _Side(
            before, f"(SELECT {columns} FROM {before} UNION ALL {_of(changed, columns, here)})", state, advance
        )
    before = build.work(f"{name}.before", f'SELECT {timed} FROM {state} AS "kept" WHERE {here}')
    both = f"SELECT {timed} FROM {before} UNION ALL {_of(changed, timed, here)}"
    after = build.work(f"{name}.after", consolidated(flow.columns, f"({both})"))
    whole = present(state, flow)
    return _Side(_single(before, flow.columns), _single(after, flow.columns), whole, advance)


def _touches(touched: str, keys: Sequence[str]) -> str:
    pairs = " AND ".join(f'"touched".key{at} = "kept".{quote_identifier(key)}' for at, key in enumerate(keys, 1))
    return f'EXISTS (SELECT 1 FROM {touched} AS "touched" WHERE {pairs})'


def _of(rows: str, columns: str, here: str) -> str:
    return f'SELECT {columns} FROM {rows} AS "kept" WHERE {here}'


def _single(rows: str, columns: Sequence[str]) -> str:
    """Numbered rows one by one."""
    copies = f'UNNEST(generate_series(1, CAST({diff} AS BIGINT))) AS "_hw_copies"("_hw_copy")'
    return f"(SELECT {listed(columns)} FROM {rows} CROSS JOIN {copies})"


def _whole(keys: Sequence[str]) -> str:
    return " AND ".join(f"{quote_identifier(key)} IS NOT NULL" for key in keys)


def _lonely(node: Join, left: str, right: str, mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Rows with a NULL in their key, which never have a partner, so that their like need not be read again."""
    parts = []
    if node.kind is not JoinKind.SEMI:
        parts.append(f"SELECT {_filled(node)}, {diff} FROM {left} WHERE NOT ({_whole(mine)})")
    if node.kind is JoinKind.FULL:
        filled = ", ".join(f"NULL AS {quote_identifier(name)}" for name in node.left.columns)
        parts.append(f"SELECT {filled}, {listed(node.right.columns)}, {diff} FROM {right} WHERE NOT ({_whole(theirs)})")
    return parts


def _filled(node: Join) -> str:
    """A row of the left without a partner."""
    nothing = [] if node.kind is JoinKind.ANTI else node.right.columns
    return ", ".join([listed(node.left.columns), *(f"NULL AS {quote_identifier(name)}" for name in nothing)])


def _block(node: Join) -> Block:
    return Block(
        name=node.name,
        kind=BlockKind.KEYED,
        why="whether a row has a partner depends on all rows with its key, so the keys that changed are joined again",
        cheaper="where both sides append and have an event time, bound the difference of the two in the condition",
        state="the rows of both sides, the columns that are used of them",
        key=tuple(mine for mine, _ in node.on),
        bounded=False,
    )
