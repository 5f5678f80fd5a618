"""Groups by partial results: an epoch's rows are aggregated first, then merged into the groups they touch.

Kept is one row of partial results a group, whatever the number of its rows. Only touched groups are
read and written (Gupta and Mumick, "Maintenance of Materialized Views", 1995; OpenIVM, SIGMOD 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.incremental.algebra.nodes import Aggregate
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, Flow, consolidated, diff, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.partials import Partial
from headwater.incremental.program import Block, BlockKind
from headwater.types import quote_identifier

__all__ = ["finals", "firsts", "grouping", "merges", "window_instead"]

window_instead: Final = "group by a window of event time as well: each group is then published once and forgotten"

_rows = quote_identifier("_hw_rows")
"""How many rows a group has: those without are gone. Kept where rows can be lost."""


def grouping(node: Aggregate, partials: Sequence[Partial], flow: Flow, build: Build) -> Flow:
    """GROUP BY, or aggregates over all rows, whose groups change as rows come."""
    name = node.name
    lossy = flow.changes is Changes.REPLACE
    rows = _single(flow) if lossy else flow.rows
    size = [f"sum(CASE WHEN {diff} > 0 THEN 1 ELSE -1 END) AS {_rows}"] if lossy else []
    fresh = build.work(f"{name}.partials", _grouped(node, [*firsts(partials), *size], rows))
    state = build.keep(name, fresh)
    touched = f'EXISTS (SELECT 1 FROM {fresh} AS "new" WHERE {matches(node.keys, "new", "kept")})'
    before = build.take(f"{name}.before", state, touched)
    both = f"(SELECT * FROM {before} UNION ALL SELECT * FROM {fresh})"
    size = [f"sum({_rows}) AS {_rows}"] if lossy else []
    merged = _grouped(node, [*merges(partials), *size], both)
    if lossy and node.keys:
        merged += f" HAVING sum({_rows}) > 0"
    after = build.work(f"{name}.after", merged)
    build.insert(state, f"SELECT * FROM {after}")
    final = ", ".join(part for part in (listed(node.keys), finals(partials)) if part)
    compared = (
        f"(SELECT {final}, CAST(1 AS BIGINT) AS {diff} FROM {after} UNION ALL "
        f"SELECT {final}, CAST(-1 AS BIGINT) FROM {before})"
    )
    delta = build.work(f"{name}.delta", consolidated(node.columns, compared))
    content = f"(SELECT {final} FROM {state})"
    build.say(
        Block(
            name=name,
            kind=BlockKind.KEYED,
            why="its groups change as rows come" if node.keys else "its one row changes as rows come",
            cheaper=window_instead if node.keys else None,
            state="partial results, one row for each group" if node.keys else "partial results, one row",
            key=node.keys,
            bounded=not node.keys,
        )
    )
    apart = frozenset(node.columns)
    return Flow(rows=delta, columns=node.columns, changes=Changes.REPLACE, content=content, apart=apart)


def firsts(partials: Sequence[Partial]) -> list[str]:
    """Partial results from rows."""
    return [f"{part.first} AS {part.name}" for partial in partials for part in partial.parts]


def merges(partials: Sequence[Partial]) -> list[str]:
    """Partial results from partial results."""
    return [f"{part.merge} AS {part.name}" for partial in partials for part in partial.parts]


def finals(partials: Sequence[Partial]) -> str:
    """The aggregates from merged partial results."""
    return ", ".join(f"{partial.final} AS {quote_identifier(partial.name)}" for partial in partials)


def _grouped(node: Aggregate, columns: Sequence[str], rows: str) -> str:
    keys = listed(node.keys)
    selected = ", ".join(part for part in (keys, *columns) if part)
    return f"SELECT {selected} FROM {rows}" + (f" GROUP BY {keys}" if keys else "")


def _single(flow: Flow) -> str:
    """Gained and lost rows one by one: a row that came twice stands there twice."""
    times = f'UNNEST(generate_series(1, CAST(abs({diff}) AS BIGINT))) AS "_hw_copies"("_hw_copy")'
    return f"(SELECT * FROM {flow.rows} CROSS JOIN {times})"
