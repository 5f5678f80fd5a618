"""Programs: SQL statements over named relations, which any SQL engine can run.

Apart from the compiler so that plan, runtime and engines know programs without
knowing how they are derived. How relations are named: :mod:`headwater.relations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from headwater.incremental.moments import Marks, Moment
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Role, Statement, relation
from headwater.types import RelationName
from headwater.values import frozen

__all__ = [
    "KIND_VERSIONS",
    "Block",
    "BlockKind",
    "ChangeMode",
    "Clock",
    "Delete",
    "Given",
    "Input",
    "Insert",
    "Keep",
    "Program",
    "Step",
    "Take",
    "compose",
]


class BlockKind(StrEnum):
    """How a block is maintained; the table in the concepts page says when each is chosen."""

    MAP = "map"
    WINDOW = "window"
    SESSION = "session"
    INTERVAL_JOIN = "interval join"
    AS_OF_JOIN = "as-of join"
    KEYED = "keyed"
    PATTERN = "pattern"
    FULL = "full"


KIND_VERSIONS: Final[Mapping[BlockKind, int]] = {
    BlockKind.MAP: 2,
    BlockKind.WINDOW: 1,
    BlockKind.SESSION: 1,
    BlockKind.INTERVAL_JOIN: 3,
    BlockKind.AS_OF_JOIN: 1,
    BlockKind.KEYED: 2,
    BlockKind.FULL: 1,
}
"""The kinds that are compiled today. A version grows when the same query yields other rows or other state."""


class ChangeMode(StrEnum):
    """How a relation's published content changes from epoch to epoch."""

    APPEND = "append"
    REPLACE = "replace"


@frozen
class Input:
    """A relation a program reads, and in which role."""

    relation: RelationName
    role: Role


@frozen
class Keep:
    """Have a durable table ``state``, with the columns of ``like``: what stands in FROM; it begins empty."""

    state: str
    like: str


@frozen
class Insert:
    """Add the rows of a query to a durable table."""

    state: str
    sql: str


@frozen
class Delete:
    """Take rows out of a durable table, which ``where`` calls ``kept``."""

    state: str
    where: str


@frozen
class Take:
    """Move rows out of a durable table, which ``where`` calls ``kept``, into the work relation ``creates``.

    What a SELECT and a DELETE would do one after the other, for engines that do both in one pass.
    """

    creates: str
    state: str
    where: str


Step: TypeAlias = Statement | Keep | Insert | Delete | Take


@frozen
class Clock:
    """How far the time in a column has advanced: no row to come has a value below the watermark less ``delay``.

    The watermark is the least of those of ``relations``. ``closes`` tells columns whose value,
    once the watermark has reached it (plus ``delay``), comes no more either: ends of windows.
    """

    relations: frozenset[RelationName]
    delay: timedelta = timedelta()
    closes: bool = False

    def __and__(self, other: Clock) -> Clock:
        """The clock of a column that takes values from both."""
        return Clock(self.relations | other.relations, max(self.delay, other.delay), self.closes and other.closes)


@frozen
class Given:
    """What is known of a relation that a query reads: how it changes, and the times in it."""

    mode: ChangeMode
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()

    def event_time(self, relation: RelationName) -> str | None:
        """The column that tells when a row happened: the relation's own event time, or the only one it passes on."""
        if self.mode is not ChangeMode.APPEND:
            return None
        own = [name for name, clock in self.clocks.items() if clock == Clock(frozenset((relation,)))]
        times = own or [name for name, clock in self.clocks.items() if not clock.closes]
        return times[0] if len(times) == 1 else None


@frozen
class Block:
    """A part of a query and how it is maintained.

    ``why`` completes the sentence "this block is <kind> because ..."; ``cheaper`` says
    what to change in the query to get a cheaper kind. ``state`` says what is kept between epochs,
    ``bounded`` whether that stops growing, and ``key`` the columns by which it is kept.
    """

    name: str
    kind: BlockKind
    why: str
    cheaper: str | None = None
    state: str | None = None
    key: tuple[str, ...] = ()
    bounded: bool = True


@frozen
class Program:
    """What the engine runs for a model in an epoch.

    The last statement creates ``candidate.<relation>``. A program whose mode is
    REPLACE runs once its inputs are exhausted; one whose mode is APPEND runs in
    every epoch that brings changes. ``rebuild`` is the same result from all rows
    that the inputs hold: what a changed model and a replaced input need. It reads
    every input in the role ``rebuild_role``, which for a map keeps the origin of rows.

    A program with ``steps`` keeps state instead: they run in order in every epoch that brings changes or
    moves a watermark, and read of each input what its role says; of ``watermark`` inputs they read ``moments``,
    whose values :meth:`bound` gives as parameters and :meth:`steps_at` puts in their place. With APPEND their last
    one creates ``candidate.<relation>``; with REPLACE it creates ``delta.<relation>``, the rows gained and lost, and
    ``content`` is a query of the whole result over ``states``, the tables that they keep.
    Anew from history, such a program runs its steps once over everything, its states dropped before, or, where
    :attr:`is_late_to_keep`, its ``rebuild`` over ``history`` relations, and keeps nothing yet.
    ``clocks`` are those of the result's columns; of a ``settled`` column all rows with one value
    come in the epoch in which its clock reaches it.
    """

    relation: RelationName
    kind: BlockKind
    mode: ChangeMode
    inputs: tuple[Input, ...]
    statements: tuple[Statement, ...]
    rebuild: tuple[Statement, ...]
    blocks: tuple[Block, ...] = ()
    steps: tuple[Step, ...] = ()
    moments: tuple[Moment, ...] = ()
    states: tuple[str, ...] = ()
    content: str | None = None
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """The part of a model's fingerprint that the compiler decides.

        >>> Program(RelationName("p", "r"), BlockKind.MAP, ChangeMode.APPEND, (), (), ()).version
        'map:2'
        """
        kinds = {self.kind, *(block.kind for block in self.blocks if self.steps)}
        return ",".join(f"{kind}:{KIND_VERSIONS[kind]}" for kind in sorted(kinds))

    @property
    def is_late_to_keep(self) -> bool:
        """Whether the result also follows from a query over all rows, so that state need not be kept from the start.

        A result that waits for watermarks is another one than the query yields over all rows.
        """
        return self.mode is ChangeMode.REPLACE and all(read.role != "watermark" for read in self.inputs)

    def steps_at(self, marks: Mapping[RelationName, Marks]) -> tuple[Step, ...]:
        """The steps of an epoch, with what they depend on of the watermarks of the ``watermark`` inputs."""
        return tuple(self.step_at(step, marks) for step in self.steps)

    def step_at(self, step: Step, marks: Mapping[RelationName, Marks]) -> Step:
        """One of the steps, with values of watermarks written into it."""
        literals = [(moment.name, moment.literal(marks)) for moment in self.moments]
        return _with(step, literals) if literals else step

    def bound(self, text: str, marks: Mapping[RelationName, Marks]) -> tuple[str, list[int | datetime]]:
        """The text of a step with a parameter, ``$1`` and so on, for each moment in it, and their values.

        >>> a = RelationName("p", "a")
        >>> moments = (Moment('"m/1"', frozenset([a]), width=60), Moment('"m/2"', frozenset([a])))
        >>> program = Program(a, BlockKind.WINDOW, ChangeMode.APPEND, (), (), (), moments=moments)
        >>> program.bound('n <= "m/1" AND t < "m/2"', {a: Marks(0, 120)})
        ('n <= $1 AND t < $2', [2, datetime.datetime(1970, 1, 1, 0, 0, 0, 120)])
        >>> program.bound('t < "m/2"', {a: Marks(0, 2**63 - 1)})
        ("t < TIMESTAMP 'infinity'", [])
        """
        values: list[int | datetime] = []
        for moment in self.moments:
            if moment.name in text:
                value = moment.parameter(marks)
                if value is not None:
                    values.append(value)
                text = text.replace(moment.name, moment.literal(marks) if value is None else f"${len(values)}")
        return text, values

    @property
    def growing(self) -> tuple[Block, ...]:
        """The blocks whose state never stops growing while rows come."""
        return tuple(block for block in self.blocks if block.state and not block.bounded)

    @property
    def rebuild_role(self) -> Role:
        """The role in which ``rebuild`` reads each input."""
        return "traced" if self.kind is BlockKind.MAP else "history"

    def over_history(self) -> str:
        """The whole result as one query over ``history`` relations, for readers that ask for no origin.

        It yields provenance columns that mean nothing: where ``rebuild`` reads origins,
        it is given none, so that nothing is scanned for them.
        """
        query = compose(self.rebuild)
        if self.rebuild_role == "history":
            return query
        nowhere = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
        named = ", ".join(
            f"{relation('traced', read)} AS NOT MATERIALIZED (SELECT *, {nowhere} FROM {relation('history', read)})"
            for read in dict.fromkeys(read.relation for read in self.inputs)
        )
        return f"WITH {named} SELECT * FROM ({query})"


def _with(step: Step, literals: Sequence[tuple[str, str]]) -> Step:
    match step:
        case Statement(creates, sql):
            return Statement(creates, _written(sql, literals))
        case Insert(state, sql):
            return Insert(state, _written(sql, literals))
        case Delete(state, where):
            return Delete(state, _written(where, literals))
        case Take(creates, state, where):
            return Take(creates, state, _written(where, literals))
        case Keep(state, like):
            return Keep(state, _written(like, literals))


def _written(text: str, literals: Sequence[tuple[str, str]]) -> str:
    for name, literal in literals:
        text = text.replace(name, literal)
    return text


def compose(statements: Sequence[Statement]) -> str:
    """Statements as one query: all but the last become common table expressions.

    >>> compose([Statement('"a"', "SELECT 1 AS x"), Statement('"b"', 'SELECT x FROM "a"')])
    'WITH "a" AS (SELECT 1 AS x) SELECT * FROM (SELECT x FROM "a")'
    """
    *first, last = statements
    if not first:
        return last.sql
    named = ", ".join(f"{statement.creates} AS ({statement.sql})" for statement in first)
    return f"WITH {named} SELECT * FROM ({last.sql})"
