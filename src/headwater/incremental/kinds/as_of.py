"""As-of joins: to each row the version that held at its time.

A left row comes out when the watermark of the right side has passed its time: then the version is known. Kept are the
left rows that wait, and of each key the versions that such a row or one to come can ask for: the newest that is
older than all of them, and every later one.
"""

from __future__ import annotations

from headwater.incremental.algebra.nodes import AsOf
from headwater.incremental.algebra.render import listed, render
from headwater.incremental.flows import Build, Flow
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.windowed import windows_by
from headwater.incremental.program import Block, BlockKind, Clock
from headwater.types import quote_identifier

__all__ = ["as_of", "waits_for_versions"]


def waits_for_versions(node: AsOf, left: Flow, right: Flow) -> bool:
    """Whether the versions at a row's time are once all known: both sides append, time goes on, versions hold on."""
    appended = left.changes is Changes.APPEND and right.changes is Changes.APPEND
    return appended and node.operator in (">=", ">") and node.right_time in right.clocks


def as_of(node: AsOf, left: Flow, right: Flow, build: Build) -> Flow:
    """Join each row with the version at its time; the result is appended."""
    by_right, by_left = right.clocks[node.right_time], left.clocks.get(node.left_time)
    fresh_left = build.shared(f"{node.name}.left", left.rows)
    fresh_right = build.shared(f"{node.name}.versions", right.rows)
    waiting = build.keep(f"{node.name}.left.rows", fresh_left)
    versions = build.keep(f"{node.name}.versions.rows", fresh_right)
    timed = " AND ".join(f"{quote_identifier(name)} IS NOT NULL" for name in (node.right_time, *_keys(node)))
    build.insert(versions, f"SELECT {listed(right.columns)} FROM {fresh_right} WHERE {timed}")
    build.insert(waiting, f"SELECT {listed(left.columns)} FROM {fresh_left}")
    due = f"({build.closed(node.left_time, by_right)} OR {quote_identifier(node.left_time)} IS NULL)"
    joined = build.work(node.name, render(node, [build.take(f"{node.name}.due", waiting, due), versions]))
    clocks: dict[str, Clock] = {}
    if by_left is not None:
        _forget(node, versions, by_left, by_right, build)
        clock = Clock(by_left.relations | by_right.relations, max(by_left.delay, by_right.delay))
        clocks = {**windows_by(node.left, node.left_time, clock), node.left_time: clock}
    build.say(_block(node, bounded=by_left is not None))
    return Flow(rows=joined, columns=node.columns, changes=Changes.APPEND, clocks=clocks)


def _keys(node: AsOf) -> tuple[str, ...]:
    return tuple(theirs for _, theirs in node.on)


def _forget(node: AsOf, versions: str, by_left: Clock, by_right: Clock, build: Build) -> None:
    """Drop the versions that a newer one replaced before any time that can still be asked for."""
    time, keys = quote_identifier(node.right_time), _keys(node)
    clocks = (Clock(by_left.relations, by_left.delay), Clock(by_right.relations, by_right.delay))
    now = " AND ".join(build.closed(node.right_time, clock) for clock in clocks)
    before = " AND ".join(build.closed(node.right_time, clock, before=True) for clock in clocks)
    selected = ", ".join([*([listed(keys)] if keys else []), f'max({time}) AS "_hw_newest"'])
    grouped = f" GROUP BY {listed(keys)}" if keys else ""
    newest = build.work(
        f"{node.name}.newest", f"SELECT {selected} FROM {versions} WHERE {now} AND NOT ({before}){grouped}"
    )
    same = [f'"newer".{quote_identifier(name)} = "kept".{quote_identifier(name)}' for name in keys]
    older = " AND ".join([*same, f'"kept".{time} < "newer"."_hw_newest"'])
    build.delete(versions, f'EXISTS (SELECT 1 FROM {newest} AS "newer" WHERE {older})')


def _block(node: AsOf, *, bounded: bool) -> Block:
    return Block(
        name=node.name,
        kind=BlockKind.AS_OF_JOIN,
        why="both sides append, and the right side's watermark tells when all versions up to a row's time are there",
        cheaper=None if bounded else "give the left side an event time, so that old versions are forgotten",
        state="left rows until the right watermark has passed them, and of each key the versions that they can ask for",
        key=tuple(mine for mine, _ in node.on),
        bounded=bounded,
    )
