"""What an operator hands to those above it in an epoch, and the program in the making.

Apart from the kinds because each of them takes flows and makes one: what a kind
must know of its inputs is all said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import IntEnum
from typing import Final

from headwater.incremental.algebra.nodes import Node
from headwater.incremental.algebra.render import listed, render
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.moments import Moment
from headwater.incremental.program import Block, Clock, Delete, Input, Insert, Keep, Step, Take
from headwater.relations import DIFF_COLUMN, Statement
from headwater.types import RelationName, Schema, quote_identifier
from headwater.values import frozen

__all__ = ["Build", "Cost", "Either", "Flow", "Opening", "consolidated", "diff", "matches", "present", "weighted"]

diff: Final = quote_identifier(DIFF_COLUMN)


@frozen
class Opening:
    """What is known of the rows of windows that are open: aggregates that can only grow, or only fall.

    Attributes:
        rows: what stands in FROM for partial results of the slices of open windows, one row for each slice and group:
            the slice, ``keys``, and the values so far.
        offset: the time after 1970, in microseconds, at which slice 0 begins.
        width: of a slice, in microseconds.
        slices: how many slices a window has.
        ends: the flow's columns that tell a window, and how long before its end.
        keys: the flow's other columns by which groups are told apart, with their names in ``rows``.
        extremes: the flow's columns that are the greatest (True) or least of a window, with their names in ``rows``.
    """

    rows: str
    offset: int
    width: int
    slices: int
    ends: Mapping[str, timedelta]
    keys: Mapping[str, str]
    extremes: Mapping[str, tuple[bool, str]]

    def renamed(self, passes: Mapping[str, str]) -> Opening | None:
        """The same behind a projection; None where groups can no longer be told apart."""
        new: dict[str, str] = {}
        for name, old in passes.items():
            new.setdefault(old, name)
        if not set(self.keys) <= set(new):
            return None
        return replace(
            self,
            ends={new[name]: before for name, before in self.ends.items() if name in new},
            keys={new[name]: column for name, column in self.keys.items()},
            extremes={new[name]: known for name, known in self.extremes.items() if name in new},
        )


class Cost(IntEnum):
    """What it costs to read the rows of a flow once more."""

    WORK = 0
    """To scan a work relation of this program."""

    INPUT = 1
    """To scan an input, which an engine may have to decode."""

    COMPUTED = 2
    """To compute them."""


@frozen
class Either:
    """Columns that a join fills with NULLs, one of which is there in each row: with the value by which it joined.

    Attributes:
        columns: what COALESCE takes, in any order.
        clock: how far time has advanced in that value.
        settled: whether all rows with one value come in the epoch in which the clock reaches it.
        name: a column with that value, where there is one.
    """

    columns: frozenset[str]
    clock: Clock
    settled: bool
    name: str | None = None


@frozen
class Flow:
    """The rows of an operator.

    Attributes:
        rows: what stands in FROM for the rows of this epoch: a name, or a query in parentheses. Where
            ``changes`` is REPLACE they carry :data:`~headwater.relations.DIFF_COLUMN` and are not consolidated
            unless ``apart`` says so: one row may be gained and lost at once. Of CONSTANT there are none; ``content``
            has them.
        columns: the operator's columns.
        changes: APPEND: rows only come. REPLACE: they come and go. CONSTANT: they never change.
        clocks: how far time has advanced in columns.
        settled: columns of which all rows with one value come in one and the same epoch, the one in
            which the column's clock reaches that value.
        content: what stands in FROM for all rows after this epoch, where that is cheap; else None.
        computed: what stands in FROM for all rows after this epoch, computed from what is kept, which costs as much as
            computing them anew: for readers who seldom ask. None where nothing below keeps enough.
        cost: what it costs to read ``rows``, where they are a query.
        opening: what is known of rows to come.
        eithers: clocks of what no column alone is.
        apart: columns in which any two rows that an epoch gained or lost differ, where that is known: ``rows`` are
            consolidated then.
    """

    rows: str
    columns: tuple[str, ...]
    changes: Changes
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()
    content: str | None = None
    computed: str | None = None
    cost: Cost = Cost.COMPUTED
    opening: Opening | None = None
    eithers: tuple[Either, ...] = ()
    apart: frozenset[str] | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether its rows lie in a work relation."""
        return self.cost is Cost.WORK or not self.rows.startswith("(")

    @property
    def weight(self) -> tuple[str, ...]:
        """The columns that ``rows`` has beside ``columns``."""
        return (DIFF_COLUMN,) if self.changes is Changes.REPLACE else ()


@dataclass(slots=True)
class Build:
    """Gathers the steps of one program; used by one compilation.

    Args:
        relation: the model.
        describe: the exact columns of an operator, as the engine's binder tells them.
    """

    relation: RelationName
    describe: Callable[[Node], Schema]
    steps: list[Step] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    inputs: dict[Input, None] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _shared: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)
    _moments: dict[Moment, Moment] = field(default_factory=dict)

    def work(self, name: str, sql: str) -> str:
        """Materialise a query for the rest of the epoch; returns what it is called."""
        made = self._free("change", name)
        self.steps.append(Statement(made, sql))
        return made

    def reading(self, name: str, flow: Flow) -> str:
        """A flow's rows for several readers: computed once, unless they lie in a work relation."""
        return flow.rows if flow.is_at_hand else self.shared(name, flow.rows)

    def shared(self, name: str, rows: str) -> str:
        """Rows that are read more than once, computed once."""
        if not rows.startswith("("):
            return rows
        if rows not in self._shared:
            self._shared[rows] = self.work(name, f"SELECT * FROM {rows}")
        return self._shared[rows]

    def keep(self, name: str, like: str) -> str:
        """A durable table with the columns of what ``like`` is in FROM; returns what it is called."""
        made = self._free("state", name)
        self.states.append(made)
        self.steps.append(Keep(made, like))
        return made

    def insert(self, state: str, sql: str) -> None:
        self.steps.append(Insert(state, sql))

    def delete(self, state: str, where: str) -> None:
        self.steps.append(Delete(state, where))

    def take(self, name: str, state: str, where: str) -> str:
        """Move rows out of a durable table into a work relation; returns what that is called."""
        made = self._free("change", name)
        self.steps.append(Take(made, state, where))
        return made

    def render(self, node: Node, inputs: Sequence[str], *, carried: Sequence[str] = ()) -> str:
        """The operator's query over rows, in parentheses."""
        return f"({render(node, inputs, carried=carried)})"

    def arranged(self, name: str, flow: Flow) -> str:
        """All rows of a flow after this epoch, for FROM: kept in a table of its own unless they are at hand."""
        return flow.content if flow.content is not None else present(self.table(name, flow), flow)

    def table(self, name: str, flow: Flow, keys: Sequence[str] = ()) -> str:
        """A table with all rows of a flow after this epoch, those that come and go once, with their number.

        Args:
            keys: columns by which its rows are found again.
        """
        rows = self.shared(name, flow.rows)
        if rows not in self._kept:
            self._kept[rows] = self.keep(f"{name}.rows", rows)
            self.apply(self._kept[rows], rows, flow, keys)
        return self._kept[rows]

    def table_before(self, name: str, flow: Flow, keys: Sequence[str] = ()) -> tuple[str, Callable[[], None]]:
        """A table with all rows of a flow before this epoch, and what adds those of this epoch once they were read."""
        rows = self.shared(name, flow.rows)
        state = self.keep(f"{name}.rows", rows)

        def advance() -> None:
            self.apply(state, rows, flow, keys)
            self._kept.setdefault(rows, state)

        return state, advance

    def apply(self, state: str, rows: str, flow: Flow, keys: Sequence[str] = ()) -> None:
        """Add an epoch's rows to a table: appended ones as they are, others so that each row stands there once.

        Rows are found by ``keys`` first, so that all other columns are compared for few.
        """
        columns = listed(flow.columns)
        if flow.changes is not Changes.REPLACE:
            self.insert(state, f"SELECT {columns} FROM {rows}")
            return
        ways = [columns for columns in (keys, flow.columns) if columns]
        here = " AND ".join(
            f'EXISTS (SELECT 1 FROM {rows} AS "new" WHERE {matches(way, "new", "kept")})' for way in ways
        )
        old = self.take("former", state, here)
        both = f"SELECT {columns}, {diff} FROM {old} UNION ALL SELECT {columns}, {diff} FROM {rows}"
        merged = self.work("merged", consolidated(flow.columns, f"({both})"))
        self.insert(state, f"SELECT {columns}, {diff} FROM {merged}")

    def moment(self, moment: Moment) -> str:
        """What stands in SQL for a value of watermarks; ``name`` is given here."""
        known = replace(moment, name="")
        if known not in self._moments:
            for name in sorted(moment.relations):
                self.inputs[Input(name, "watermark")] = None
            number = f"moment.{self.relation}/{len(self._moments) + 1}"
            self._moments[known] = replace(moment, name=quote_identifier(number))
        return self._moments[known].name

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The values of watermarks that steps depend on."""
        return tuple(self._moments.values())

    def closed(self, column: str, clock: Clock, *, before: bool = False) -> str:
        """The condition that no further row comes with the value that a row has in a column.

        Args:
            before: it was so before this epoch.
        """
        operator = "<=" if clock.closes else "<"
        reached = self.moment(Moment("", clock.relations, before, clock.delay))
        return f"CAST({quote_identifier(column)} AS TIMESTAMP) {operator} {reached}"

    def say(self, block: Block) -> None:
        """Say how a block is maintained."""
        self.blocks.append(block)

    def _free(self, role: str, wanted: str) -> str:
        name, number = f"{role}.{self.relation}/{wanted}", 1
        while name.casefold() in self._names:
            number += 1
            name = f"{role}.{self.relation}/{wanted}#{number}"
        self._names.add(name.casefold())
        return quote_identifier(name)


def present(state: str, flow: Flow) -> str:
    """What a table of rows with their number amounts to, for FROM."""
    if flow.changes is not Changes.REPLACE:
        return state
    copies = f'UNNEST(generate_series(1, CAST({diff} AS BIGINT))) AS "_hw_copies"("_hw_copy")'
    return f"(SELECT {listed(flow.columns)} FROM {state} CROSS JOIN {copies})"


def weighted(flow: Flow, rows: str | None = None) -> str:
    """The epoch's rows with their number of times, also where each came once."""
    taken = rows or flow.rows
    if flow.changes is Changes.REPLACE:
        return taken
    return f"(SELECT {listed(flow.columns)}, CAST(1 AS BIGINT) AS {diff} FROM {taken})"


def consolidated(columns: Sequence[str], rows: str) -> str:
    """A query of gained and lost rows, each once, those that cancel out left away."""
    names = listed(columns)
    times = f"CAST(sum({diff}) AS BIGINT) AS {diff}"
    return f"SELECT {names}, {times} FROM {rows} GROUP BY {names} HAVING sum({diff}) <> 0"


def matches(columns: Iterable[str], left: str, right: str) -> str:
    """The condition that two tables agree in columns, NULLs agreeing with each other; true for no columns."""
    pairs = (
        f"{left}.{quote_identifier(name)} IS NOT DISTINCT FROM {right}.{quote_identifier(name)}" for name in columns
    )
    return " AND ".join(pairs) or "true"
