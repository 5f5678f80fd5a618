"""Sessions: rows of one key with no pause between them that is longer than the gap.

Kept of an open session are its key, its first and last time, and the partial results of its aggregates. Rows are first
put together by slices as wide as the gap, since two rows of one key in one slice are always in one session; then with
the open sessions of their key that are no further away than the gap, of which a row in between may join several. No
other open session changes, since none is within the gap of another. A session is final once the watermark has passed
its end: a row exactly at the end still belongs to it.
Where rows themselves are asked for with their session, they are kept until it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from headwater.incremental.algebra.nodes import Aggregate, Session
from headwater.incremental.algebra.render import listed, window_columns
from headwater.incremental.flows import Build, Flow, matches
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.grouping import finals, firsts, merges
from headwater.incremental.kinds.partials import Partial
from headwater.incremental.kinds.slices import SLICE, floored, microseconds, whole
from headwater.incremental.kinds.windowed import Windowed, windowed
from headwater.incremental.moments import Moment
from headwater.incremental.program import Block, BlockKind, Clock
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["closes_sessions", "session_aggregates", "session_groups", "session_rows", "sessions_of"]

_TIME: Final = "_hw_time"
_FIRST: Final = "_hw_first"
_time, _first, _last = (quote_identifier(name) for name in (_TIME, _FIRST, "_hw_last"))
_microsecond: Final = timedelta(microseconds=1)


@frozen
class Sessions:
    """Sessions below an aggregate, all groups of which are within one.

    Attributes:
        whole: each group is a session with all its rows.
    """

    below: Windowed
    windows: Session
    whole: bool


@frozen
class _Open:
    """What is kept of open sessions: by ``keys``, with partial results."""

    name: str
    gap: int
    keys: tuple[str, ...]
    partials: Sequence[Partial]


def sessions_of(node: Aggregate) -> Sessions | None:
    """The sessions by which an aggregate groups; None when it brings rows of several together."""
    found = windowed(node)
    if found is None or not isinstance(found.windows, Session) or not found.roles:
        return None
    keys, others = set(found.windows.keys), {found.origins.get(key) for key in node.keys if key not in found.roles}
    if not keys <= others:
        return None
    alone = all({key for key, part in each.select.args.items() if part} <= _projecting for each in found.between)
    return Sessions(found, found.windows, whole=alone and keys == others)


_projecting: Final = {"expressions", "from_"}
"""What a SELECT is made of that yields one row for each."""


def closes_sessions(node: Session, flow: Flow, build: Build) -> bool:
    """Whether sessions become final as time passes, told in microseconds."""
    types = {column.name: column.type for column in build.describe(node.input)}
    return flow.changes is Changes.APPEND and node.time in flow.clocks and types[node.time].name != "TIMESTAMP_NS"


def session_aggregates(node: Aggregate, found: Sessions, partials: Sequence[Partial], flow: Flow, build: Build) -> Flow:
    """Aggregate by sessions when they end.

    Args:
        flow: of what is below the sessions.
    """
    windows, roles = found.windows, found.below.roles
    kept = _Open(node.name, whole(windows.gap), tuple(key for key in node.keys if key not in roles), partials)
    rows = _timed(windows, flow)
    for each in found.below.between:
        rows = build.render(each, [rows], carried=(_TIME,))
    clock = flow.clocks[windows.time]
    closed = _ended(kept, rows, clock, build)
    types = {column.name: column.type for column in build.describe(node)}
    values = _values(kept.gap)
    window = [f"CAST({values[role]} AS {types[key]}) AS {quote_identifier(key)}" for key, role in roles.items()]
    final = ", ".join(part for part in (listed(node.keys), finals(partials)) if part)
    build.say(_block(node.name, kept, "partial results of open sessions", None))
    clocks = _clocks(clock)
    return Flow(
        rows=f"(SELECT {final} FROM (SELECT *, {', '.join(window)} FROM {closed}))",
        columns=node.columns,
        changes=Changes.APPEND,
        clocks={key: clocks[role] for key, role in roles.items() if role in clocks},
        settled=frozenset(key for key, role in roles.items() if role in clocks),
    )


def session_groups(node: Aggregate, flow: Flow, build: Build) -> Flow:
    """Aggregate within sessions the rows that come when they end."""
    clocks = {key: clock for key, clock in flow.clocks.items() if key in node.keys}
    return Flow(
        rows=build.render(node, [flow.rows]),
        columns=node.columns,
        changes=Changes.APPEND,
        clocks=clocks,
        settled=flow.settled & frozenset(clocks),
    )


def session_rows(node: Session, flow: Flow, build: Build) -> Flow:
    """Rows with their session, when it ends."""
    name = node.name
    kept = _Open(name, whole(node.gap), node.keys, ())
    clock = flow.clocks[node.time]
    fresh = build.work(f"{name}.fresh", f"SELECT * FROM {_timed(node, flow)}")
    closed = _ended(kept, fresh, clock, build)
    state = build.keep(f"{name}.rows", fresh)
    build.insert(state, f"SELECT * FROM {fresh}")
    within = f'{matches(node.keys, "ended", "kept")} AND "kept".{_time} BETWEEN "ended".{_first} AND "ended".{_last}'
    types = {column.name: column.type for column in build.describe(node)}
    window = ", ".join(
        f"CAST({value} AS {types[column]}) AS {quote_identifier(column)}"
        for value, column in zip(_values(kept.gap), window_columns(node.prefix), strict=True)
    )
    columns = listed(node.input.columns, '"kept"')
    rows = build.work(
        f"{name}.ended.rows", f'SELECT {columns}, {window} FROM {state} AS "kept" JOIN {closed} AS "ended" ON {within}'
    )
    build.delete(state, f'EXISTS (SELECT 1 FROM {closed} AS "ended" WHERE {within})')
    cheaper = "aggregates that merge (count, sum, min, max, avg ...), grouped by the session, keep no rows"
    build.say(_block(name, kept, "rows of open sessions", cheaper))
    clocks = {column: _clocks(clock)[role] for role, column in enumerate(window_columns(node.prefix)) if role}
    return Flow(
        rows=rows,
        columns=node.columns,
        changes=Changes.APPEND,
        clocks=clocks,
        settled=frozenset(clocks),
    )


def _ended(kept: _Open, rows: str, clock: Clock, build: Build) -> str:
    """Add rows to the open sessions, and take out those that ended: key, first and last time, partial results."""
    name, keys, partials = kept.name, listed(kept.keys), kept.partials
    by = ", ".join((*(quote_identifier(key) for key in kept.keys), SLICE))
    selected = ", ".join(part for part in (keys, f"min({_time}) AS {_first}", f"max({_time}) AS {_last}") if part)
    selected = ", ".join((selected, *firsts(partials)))
    sliced = f"(SELECT *, {floored(_time, kept.gap)} AS {SLICE} FROM {rows})"
    fresh = build.work(f"{name}.slices", f"SELECT {selected} FROM {sliced} GROUP BY {by}")
    state = build.keep(f"{name}.open", fresh)
    near = f'"kept".{_last} >= "new".{_first} - {kept.gap} AND "kept".{_first} <= "new".{_last} + {kept.gap}'
    joined = f'{state} AS "kept" JOIN {fresh} AS "new" ON {matches(kept.keys, "new", "kept")} AND {near}'
    touched = build.work(f"{name}.touched", f'SELECT DISTINCT "kept".* FROM {joined}')
    merged = build.work(f"{name}.merged", _joined(kept, f"(SELECT * FROM {fresh} UNION ALL SELECT * FROM {touched})"))
    ended = f"{_last} < {build.moment(Moment('', clock.relations, delay=clock.delay, offset=kept.gap, width=1))}"
    again = f'EXISTS (SELECT 1 FROM {touched} AS "old" WHERE {matches((*kept.keys, _FIRST), "old", "kept")})'
    closed = build.work(
        f"{name}.ended",
        f'SELECT * FROM {merged} WHERE {ended} UNION ALL SELECT * FROM {state} AS "kept" WHERE {ended} AND NOT {again}',
    )
    build.delete(state, f"{ended} OR {again}")
    build.insert(state, f"SELECT * FROM {merged} WHERE NOT {ended}")
    return closed


def _joined(kept: _Open, pieces: str) -> str:
    """A query that puts pieces of sessions together.

    Pieces of a key none of which is further than the gap from another are one session, which needs no order.
    Else a piece begins a session when it comes later than the gap after all earlier ones of its key,
    of which not the one before, but any may last longest.
    """
    keys = listed(kept.keys)
    by_key = f"{f'PARTITION BY {keys} ' if keys else ''}ORDER BY {_first}, {_last}"
    before = f"max({_last}) OVER ({by_key} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    apart = f'max({_first}) > min({_last}) + {kept.gap} AS "_hw_apart"'
    piece = ", ".join(
        (*([keys] if keys else []), f"min({_first}) AS {_first}", f"max({_last}) AS {_last}", *merges(kept.partials))
    )
    groups = f'SELECT 1 FROM "groups" WHERE "_hw_apart" AND {matches(kept.keys, "groups", "kept")}'
    several = f'SELECT * FROM "pieces" AS "kept" WHERE EXISTS ({groups})'
    begins = f'SELECT *, CASE WHEN {_first} <= {before} + {kept.gap} THEN 0 ELSE 1 END AS "_hw_begins" FROM ({several})'
    numbered = f'SELECT *, sum("_hw_begins") OVER ({by_key}) AS "_hw_session" FROM ({begins})'
    by_session = ", ".join((*([keys] if keys else []), '"_hw_session"'))
    columns = ", ".join((*(quote_identifier(key) for key in kept.keys), _first, _last, *_names(kept.partials)))
    return (
        f'WITH "pieces" AS {pieces}, "groups" AS '
        f'(SELECT {piece}, {apart} FROM "pieces"{f" GROUP BY {keys}" if keys else ""}) '
        f'SELECT {columns} FROM "groups" WHERE NOT "_hw_apart" UNION ALL '
        f"SELECT {piece} FROM ({numbered}) GROUP BY {by_session}"
    )


def _names(partials: Sequence[Partial]) -> list[str]:
    return [part.name for partial in partials for part in partial.parts]


def _timed(node: Session, flow: Flow) -> str:
    """The epoch's rows that have a time, with it in microseconds, for FROM."""
    time = quote_identifier(node.time)
    return f"(SELECT {listed(flow.columns)}, {microseconds(time)} AS {_time} FROM {flow.rows} WHERE {time} IS NOT NULL)"


def _values(gap: int) -> tuple[str, str, str]:
    """The window columns of a session."""
    end = f"make_timestamp({_last} + {gap})"
    return f"make_timestamp({_first})", end, f"{end} - INTERVAL '1' MICROSECOND"


def _clocks(clock: Clock) -> dict[int, Clock]:
    """The clocks of end (1) and last time (2): a session with its end at the watermark may still grow."""
    end = Clock(clock.relations, clock.delay + _microsecond, closes=True)
    return {1: end, 2: Clock(clock.relations, end.delay + _microsecond, closes=True)}


def _block(name: str, kept: _Open, state: str, cheaper: str | None) -> Block:
    return Block(
        name=name,
        kind=BlockKind.SESSION,
        why="rows come together by session, which is final when the watermark passes its end",
        cheaper=cheaper,
        state=state,
        key=kept.keys,
    )
