"""Aggregates over windows of time, from slices: TUMBLE, HOP and CUMULATE.

Windows are cut into slices, none of which a window holds in part. Rows are aggregated by slice and
key when they come, and the slices of a window are put together once the watermark has closed it. So a row is
aggregated once, however many windows it is in, and what is kept is the partial results of the slices of open windows
("No pane, no gain", Li et al., SIGMOD Record 2005). Aggregates that do not merge keep their rows, once each.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import gcd

from sqlglot import exp

from headwater.incremental.algebra.nodes import Aggregate, Assign
from headwater.incremental.algebra.render import listed
from headwater.incremental.flows import Build, Flow, Opening
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.grouping import finals, firsts, merges
from headwater.incremental.kinds.partials import Partial
from headwater.incremental.kinds.slices import SLICE, floored, microseconds, time_of, whole
from headwater.incremental.kinds.windowed import Windowed, used_columns, windowed
from headwater.incremental.moments import Moment
from headwater.incremental.program import Block, BlockKind, Clock
from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = ["Panes", "panes", "panes_of"]

_end = quote_identifier("_hw_end")
"""The number of the slice with which a window ends, counted from one: where the next one begins."""


@frozen
class Panes:
    """How windows are cut into slices."""

    below: Windowed
    windows: Assign

    @property
    def advances(self) -> int:
        """After how many slices the last window of a slice moves on."""
        return self._step // self.width if self.windows.kind == "HOP" else self.slices

    @property
    def slices(self) -> int:
        """How many slices the longest window has."""
        return self._size // self.width

    @property
    def width(self) -> int:
        """Of a slice, in microseconds."""
        return gcd(self._step, self._size)

    @property
    def offset(self) -> int:
        """The time after 1970, in microseconds, at which a window begins."""
        return whole(self.windows.offset) % (self._step if self.windows.kind == "HOP" else self._size)

    @property
    def overlap(self) -> int:
        """In how many windows a slice is at most."""
        return self.slices if self.windows.kind == "CUMULATE" else -(-self._size // self._step)

    @property
    def _step(self) -> int:
        return whole(self.windows.slide or timedelta())

    @property
    def _size(self) -> int:
        return whole(self.windows.size or timedelta())

    def begins(self) -> str:
        """The slice with which a window begins, from the one with which it ends."""
        if self.windows.kind != "CUMULATE":
            return f"({_end} - {self.slices})"
        return f"{floored(f'({_end} - 1)', self.slices)} * {self.slices}"

    def ends(self) -> str:
        """Where the windows of a slice end, by the number ``_hw_hop`` of the window."""
        if self.windows.kind == "CUMULATE":
            return f'{floored(SLICE, self.slices)} * {self.slices} + 1 + "_hw_hop"'
        return f'({floored(SLICE, self.advances)} - "_hw_hop") * {self.advances} + {self.slices}'

    def ended(self, clock: Clock, *, before: bool = False) -> Moment:
        """How many slices have ended."""
        return Moment("", clock.relations, before, clock.delay, self.offset, self.width)

    def expired(self, clock: Clock) -> Moment:
        """The last slice that no window needs any more."""
        offset, moves = self.offset + self._size, self.advances
        return Moment("", clock.relations, False, clock.delay, offset, self.width * moves, moves, moves - 1)


def panes_of(node: Aggregate) -> Panes | None:
    """The windows by which an aggregate groups; None when it groups by none, or they have no fixed length."""
    below = windowed(node)
    if below is None or not isinstance(below.windows, Assign):
        return None
    windows = below.windows
    telling = {1, 2} if windows.kind == "CUMULATE" else {0, 1, 2}
    if windows.size is None or windows.slide is None or not telling & set(below.roles.values()):
        return None
    return Panes(below, windows)


def panes(node: Aggregate, found: Panes, partials: Sequence[Partial] | None, flow: Flow, build: Build) -> Flow:
    """Aggregate by windows when they close.

    Args:
        partials: the aggregates as partial results; None: they need rows.
        flow: of what is below the windows: appended, its time with a clock.
    """
    name, clock = node.name, flow.clocks[found.windows.time]
    keys = tuple(key for key in node.keys if key not in found.below.roles)
    fresh = build.work(f"{name}.slices", _by_slice(node, keys, partials, _sliced(found, flow, build)))
    state = build.keep(f"{name}.slices", fresh)
    closed = _closed(found, state, fresh, clock, build)
    windows = ", ".join(_windows(node, found, build))
    if partials is None:
        columns = ", ".join((windows, *_quoted((*keys, *_used(node, keys)))))
        result = build.work(
            f"{name}.closed", f"SELECT * FROM {build.render(node, [f'(SELECT {columns} FROM {closed})'])}"
        )
    else:
        merged = ", ".join((_end, *_quoted(keys), *merges(partials)))
        grouped = f"(SELECT {merged} FROM {closed} GROUP BY {', '.join((_end, *_quoted(keys)))})"
        final = ", ".join(part for part in (listed(node.keys), finals(partials)) if part)
        result = build.work(f"{name}.closed", f"SELECT {final} FROM (SELECT *, {windows} FROM {grouped})")
    expired = build.moment(found.expired(clock))
    build.delete(state, f"{SLICE} <= {expired}")
    build.insert(state, f"SELECT * FROM {fresh} WHERE {SLICE} > {expired}")
    build.say(_block(node, found, keys, merged=partials is not None))
    return Flow(
        rows=result,
        columns=node.columns,
        changes=Changes.APPEND,
        clocks=_clocks(found, clock),
        settled=frozenset(key for key, role in found.below.roles.items() if role or found.windows.kind != "CUMULATE"),
        opening=_opening(node, found, partials or (), fresh, state),
    )


def _opening(node: Aggregate, found: Panes, partials: Sequence[Partial], fresh: str, state: str) -> Opening | None:
    """What the slices tell of the greatest and least values of windows that are open."""
    calls = {item.name: _unfiltered(item.expression) for item in node.aggregates}
    known = {each.name: each for each in partials if isinstance(calls[each.name], exp.Max | exp.Min)}
    if found.windows.kind == "CUMULATE" or not known:
        return None
    keys = tuple(key for key in node.keys if key not in found.below.roles)
    by = ", ".join((SLICE, *_quoted(keys)))
    both = " UNION ALL ".join(f"SELECT * FROM {each}" for each in (state, fresh))
    return Opening(
        rows=f"(SELECT {', '.join((by, *merges(tuple(known.values()))))} FROM ({both}) GROUP BY {by})",
        offset=found.offset,
        width=found.width,
        slices=found.slices,
        ends={key: _before(found, role) for key, role in found.below.roles.items()},
        keys={key: quote_identifier(key) for key in keys},
        extremes={name: (isinstance(calls[name], exp.Max), each.parts[0].name) for name, each in known.items()},
    )


def _unfiltered(call: exp.Expr) -> exp.Expr:
    return call.this if isinstance(call, exp.Filter) else call


def _before(found: Panes, role: int) -> timedelta:
    """How long before the end of a window its start (0), end (1) and last time (2) are."""
    return (found.windows.size or timedelta(), timedelta(), timedelta(microseconds=1))[role]


def _sliced(found: Panes, flow: Flow, build: Build) -> str:
    """The epoch's rows, each with its slice, for FROM."""
    time = quote_identifier(found.windows.time)
    number = microseconds(time) if not found.offset else f"({microseconds(time)} - {found.offset})"
    rows = (
        f"(SELECT {listed(flow.columns)}, {floored(number, found.width)} AS {SLICE} "
        f"FROM {flow.rows} WHERE {time} IS NOT NULL)"
    )
    for each in found.below.between:
        rows = build.render(each, [rows], carried=("_hw_slice",))
    return rows


def _by_slice(node: Aggregate, keys: Sequence[str], partials: Sequence[Partial] | None, rows: str) -> str:
    """A query of what is kept of rows: partial results by slice and keys, or the columns that are needed."""
    if partials is None:
        return f"SELECT {', '.join((SLICE, *_quoted((*keys, *_used(node, keys)))))} FROM {rows}"
    by = (SLICE, *_quoted(keys))
    return f"SELECT {', '.join((*by, *firsts(partials)))} FROM {rows} GROUP BY {', '.join(by)}"


def _closed(found: Panes, state: str, fresh: str, clock: Clock, build: Build) -> str:
    """What is kept of the windows that closed in this epoch, each with where it ends, for FROM."""
    both = f"(SELECT * FROM {state} UNION ALL SELECT * FROM {fresh})"
    if found.overlap == 1:
        where = f"{SLICE} <= {build.moment(found.expired(clock))}"
        return f'(SELECT *, {SLICE} + 1 AS {_end} FROM {both} AS "slices" WHERE {where})'
    slices = f"(SELECT {SLICE} FROM {state} UNION SELECT {SLICE} FROM {fresh})"
    ends = (
        f'SELECT {SLICE}, {found.ends()} AS {_end} FROM {slices} AS "known" '
        f'CROSS JOIN UNNEST(generate_series(0, {found.overlap - 1})) AS "_hw_hops"("_hw_hop")'
    )
    before, now = (build.moment(found.ended(clock, before=before)) for before in (True, False))
    windows = f"SELECT {SLICE}, {_end} FROM ({ends}) WHERE {_end} > {SLICE} AND {_end} > {before} AND {_end} <= {now}"
    return f'(SELECT "slices".*, {_end} FROM {both} AS "slices" JOIN ({windows}) AS "windows" USING ({SLICE}))'


def _windows(node: Aggregate, found: Panes, build: Build) -> list[str]:
    """The keys that are window columns, from where the window ends."""
    types = {column.name: column.type for column in build.describe(node)}
    begin = time_of(found.begins(), found.offset, found.width)
    end = time_of(_end, found.offset, found.width)
    values = (begin, end, f"{end} - INTERVAL '1' MICROSECOND")
    return [
        f"CAST({values[role]} AS {types[key]}) AS {quote_identifier(key)}" for key, role in found.below.roles.items()
    ]


def _clocks(found: Panes, clock: Clock) -> dict[str, Clock]:
    return {
        key: Clock(clock.relations, clock.delay + _before(found, role), closes=True)
        for key, role in found.below.roles.items()
    }


def _used(node: Aggregate, keys: Sequence[str]) -> tuple[str, ...]:
    """The columns beside the keys that the aggregates are computed from."""
    return tuple(name for name in used_columns(node) if name not in keys)


def _quoted(names: Sequence[str]) -> list[str]:
    return [quote_identifier(name) for name in names]


def _block(node: Aggregate, found: Panes, keys: Sequence[str], *, merged: bool) -> Block:
    kind, slices = found.windows.kind, found.slices
    held = "partial results" if merged else "rows"
    cut = "a window is one slice" if slices == 1 else f"a window is cut into {slices} slices"
    return Block(
        name=node.name,
        kind=BlockKind.WINDOW,
        why=f"it aggregates by {kind} windows, which close when the watermark passes their end; {cut}",
        cheaper=None if merged else "aggregates that merge (count, sum, min, max, avg ...) keep no rows",
        state=f"{held} of the slices of open windows",
        key=tuple(keys),
    )
