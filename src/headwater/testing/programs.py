"""Runs programs epoch by epoch on any engine's session: the bench on which their law is tested.

Apart from the runtime, which reads sources, judges rows and publishes tables: here rows are given and admitted
by their event time alone, and what every program appends, or gains and loses, is handed back.

    run = ProgramRun(session, sources, programs)
    run.epoch({orders: "SELECT 1 AS id, TIMESTAMP '2024-01-01 10:00:00' AS at"})
    run.epoch({}, ended=[orders])
    run.content(totals)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.errors import UsageError
from headwater.incremental.moments import BEGINNING, END, Marks, since_1970
from headwater.incremental.program import ChangeMode, Clock, Delete, Given, Input, Insert, Keep, Program, Step, Take
from headwater.relations import DIFF_COLUMN, OFFSET_COLUMN, SOURCE_COLUMN, Statement, relation
from headwater.spi.engine import Session
from headwater.types import RelationName, Schema, quote_identifier, quote_text
from headwater.values import frozen

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Change", "Epoch", "EventTime", "ProgramRun", "Row", "Source"]

Row: TypeAlias = tuple[Any, ...]

Change: TypeAlias = tuple[Row, int]
"""A row, and how many times it was gained (positive) or lost (negative)."""

_diff: Final = quote_identifier(DIFF_COLUMN)
_beginning: Final = "-infinity"
_end: Final = "infinity"


@frozen
class EventTime:
    """The column that tells when a row happened, and how long rows may be under way."""

    column: str
    delay: timedelta = timedelta()


@frozen
class Source:
    """A relation whose rows are given.

    With APPEND rows only come. With REPLACE they come and go: given rows have
    :data:`~headwater.relations.DIFF_COLUMN` behind the columns of ``schema``, and there is no event time.
    """

    name: RelationName
    schema: Schema
    changes: ChangeMode = ChangeMode.APPEND
    event_time: EventTime | None = None

    @property
    def given(self) -> Given:
        """What the compiler may know of it."""
        clocks = {self.event_time.column: Clock(frozenset({self.name}))} if self.event_time else {}
        return Given(self.changes, clocks)


@frozen
class Epoch:
    """What became of an epoch.

    Attributes:
        changes: of each program, the rows it appended, or gained and lost; empty when none are collected.
        rows: of each program, the number of those rows.
        late: of each source with an event time, the rows whose time was below the watermark before the epoch.
        untimed: of each such source, the rows without one.
        watermarks: of each such source, how far time has advanced after this epoch, as a text.
    """

    number: int
    changes: Mapping[RelationName, tuple[Change, ...]]
    rows: Mapping[RelationName, int]
    late: Mapping[RelationName, int]
    untimed: Mapping[RelationName, int]
    watermarks: Mapping[RelationName, str]


@dataclass(slots=True)
class _Told:
    """What an epoch has told so far."""

    changes: dict[RelationName, tuple[Change, ...]] = field(default_factory=dict)
    rows: dict[RelationName, int] = field(default_factory=dict)
    late: dict[RelationName, int] = field(default_factory=dict)
    untimed: dict[RelationName, int] = field(default_factory=dict)
    watermarks: dict[RelationName, str] = field(default_factory=dict)
    provided: set[str] = field(default_factory=set)


class ProgramRun:
    """Programs at work on the rows of their sources.

    Each epoch is one transaction of the session. What the programs keep is durable there; how far
    time has advanced is known to this object, so that :meth:`resume` goes on with the same state.

    Args:
        programs: in the order in which they read each other.
        keep: keep what sources have brought and models appended, so that :meth:`rows`, :meth:`content` and
            programs that read histories find it. Without, nothing is kept but what the programs keep.
        collect: hand back the rows of each epoch, and not only their number.
    """

    def __init__(
        self,
        session: Session,
        sources: Sequence[Source],
        programs: Sequence[Program],
        *,
        keep: bool = True,
        collect: bool = True,
    ) -> None:
        self._session = session
        self._sources = {source.name: source for source in sources}
        self._programs = {program.relation: program for program in programs}
        self._keep = keep
        self._collect = collect
        self._number = 0
        self._watermarks = {source.name: _beginning for source in sources if source.event_time}
        self._made: dict[str, None] = {}

    def resume(self, session: Session) -> None:
        """Go on over a session that was opened anew on the same state."""
        self._session = session

    def epoch(
        self, arrivals: Mapping[RelationName, str | pyarrow.Table], *, ended: Collection[RelationName] = ()
    ) -> Epoch:
        """Take what arrives, as queries or Arrow tables, and run every program once.

        Args:
            ended: sources of which nothing comes after this: their watermark goes to infinity.
        """
        none = dict.fromkeys(self._watermarks, 0)
        told = _Told(late=dict(none), untimed=none, watermarks=dict(self._watermarks))
        made = dict(self._made)
        self._session.begin()
        try:
            for source in self._sources.values():
                self._take(source, arrivals.get(source.name), source.name in ended, told)
            for program in self._programs.values():
                self._run(program, told)
        except BaseException:
            self._session.rollback()
            self._made = made
            raise
        self._session.commit()
        self._number += 1
        self._watermarks = told.watermarks
        return Epoch(self._number, told.changes, told.rows, told.late, told.untimed, told.watermarks)

    def rows(self, name: RelationName) -> str:
        """A query of all rows that a source has brought or a model has."""
        program = self._programs.get(name)
        if program is not None and program.content is not None:
            return program.content
        if not self._keep:
            raise UsageError(f"the rows of {name} were not kept")
        if program is None and self._sources[name].changes is ChangeMode.REPLACE:
            return _present(_kept(name), self._sources[name].schema.names)
        return f"SELECT * FROM {_kept(name)}"

    def content(self, name: RelationName) -> list[Row]:
        """All rows that a source has brought or a model has."""
        return self._session.fetch(self.rows(name))

    def drop(self) -> None:
        """Drop every table that this run made."""
        for table in self._made:
            self._session.execute(f"DROP TABLE IF EXISTS {table}")
        self._made.clear()

    def _take(self, source: Source, rows: str | pyarrow.Table | None, ended: bool, told: _Told) -> None:
        """Have a source's changes of this epoch, and its watermark."""
        replaces = source.changes is ChangeMode.REPLACE
        changes = relation("delta" if replaces else "change", source.name)
        arrived = self._arrived(source, rows)
        if replaces:
            self._session.create(changes, _consolidated(_listed(source.schema.names), f"({arrived})"))
        elif source.event_time is not None and rows is not None:
            self._admit(source, source.event_time, arrived, told)
        else:
            self._session.create(changes, arrived)
        if source.event_time is not None and ended:
            told.watermarks[source.name] = _end
        if self._keep:
            self._add(_kept(source.name), f"SELECT {_columns(source)} FROM {changes}")

    def _arrived(self, source: Source, rows: str | pyarrow.Table | None) -> str:
        """A query of the rows that arrive: with their origin, or with how many times they come and go."""
        replaces = source.changes is ChangeMode.REPLACE
        schema = Schema((*source.schema, *Schema.of({DIFF_COLUMN: "BIGINT"}))) if replaces else source.schema
        if rows is None:
            nothing = (f"CAST(NULL AS {each.type}) AS {quote_identifier(each.name)}" for each in schema)
            rows = f"SELECT {', '.join(nothing)} WHERE false"
        elif not isinstance(rows, str):
            name = quote_identifier(f"kit.arrived.{source.name}")
            self._session.land(name, rows, schema=schema, provenance=str(source.name))
            rows = f"SELECT {_columns(source)} FROM {name}"
        if replaces:
            return rows
        origin = f"{quote_text(f'{source.name}@{self._number}')} AS {SOURCE_COLUMN}"
        return f"SELECT {_columns(source)}, {origin}, row_number() OVER () AS {OFFSET_COLUMN} FROM ({rows})"

    def _admit(self, source: Source, time: EventTime, arrived: str, told: _Told) -> None:
        """Take out rows that are late or without time; advance the watermark."""
        name = source.name
        everything = quote_identifier(f"kit.timed.{name}")
        at = f"CAST({quote_identifier(time.column)} AS TIMESTAMP)"
        before = f"TIMESTAMP {quote_text(self._watermarks[name])}"
        self._session.create(everything, arrived)
        self._session.define(relation("change", name), f"SELECT * FROM {everything} WHERE {at} >= {before}")
        delay = f"INTERVAL '{time.delay // timedelta(microseconds=1)}' MICROSECOND"
        told.late[name], told.untimed[name], told.watermarks[name] = self._session.fetch(
            f"SELECT count(*) FILTER (WHERE {at} < {before}), count(*) FILTER (WHERE {at} IS NULL), "
            f"CAST(greatest(max({at}) - {delay}, {before}) AS VARCHAR) FROM {everything}"
        )[0]

    def _run(self, program: Program, told: _Told) -> None:
        name = program.relation
        for read in program.inputs:
            self._provide(read, told)
        marks = {
            read.relation: Marks(_mark(self._watermarks[read.relation]), _mark(told.watermarks[read.relation]))
            for read in program.inputs
            if read.role == "watermark"
        }
        for step in program.steps_at(marks) or program.statements:
            self._step(step)
        if program.mode is ChangeMode.APPEND:
            appended = f"SELECT * EXCLUDE ({SOURCE_COLUMN}, {OFFSET_COLUMN}) FROM {relation('candidate', name)}"
            self._session.define(relation("change", name), f"SELECT * FROM {relation('candidate', name)}")
            if self._keep:
                self._add(_kept(name), appended)
            self._tell(name, f"SELECT *, 1 FROM ({appended})", told)
            return
        if not program.steps:
            self._replace(name)
        self._tell(name, f"SELECT * FROM {relation('delta', name)}", told)

    def _provide(self, read: Input, told: _Told) -> None:
        """Have what a program reads beside changes."""
        named = relation(read.role, read.relation)
        if read.role in ("history", "traced") and named not in told.provided:
            self._session.define(named, self.rows(read.relation))
            told.provided.add(named)

    def _step(self, step: Step) -> None:
        match step:
            case Statement():
                self._session.create(step.creates, step.sql)
            case Keep() if step.state not in self._made:
                self._session.keep(step.state, step.like)
                self._made[step.state] = None
            case Keep():
                pass  # it is there since an earlier epoch
            case Insert():
                self._session.execute(f"INSERT INTO {step.state} {step.sql}")
            case Delete():
                self._session.execute(f"DELETE FROM {step.state} AS kept WHERE {step.where}")
            case Take():
                self._session.take(step.creates, step.state, step.where)

    def _replace(self, name: RelationName) -> None:
        """Take what was computed anew as the content, and tell what differs from before."""
        fresh = f"SELECT * EXCLUDE ({SOURCE_COLUMN}, {OFFSET_COLUMN}) FROM {relation('candidate', name)}"
        self._add(_kept(name), f"{fresh} WHERE false")
        both = (
            f"(SELECT *, CAST(1 AS BIGINT) AS {_diff} FROM ({fresh}) UNION ALL "
            f"SELECT *, CAST(-1 AS BIGINT) FROM {_kept(name)})"
        )
        self._session.create(relation("delta", name), _consolidated(f"* EXCLUDE ({_diff})", both, group="ALL"))
        self._session.execute(f"DELETE FROM {_kept(name)}")
        self._session.execute(f"INSERT INTO {_kept(name)} {fresh}")

    def _tell(self, name: RelationName, query: str, told: _Told) -> None:
        if self._collect:
            found = [(row[:-1], int(row[-1])) for row in self._session.fetch(query)]
            told.changes[name] = tuple(found)
            told.rows[name] = sum(abs(times) for _, times in found)
        else:
            told.rows[name] = self._session.fetch(f"SELECT count(*) FROM ({query})")[0][0]

    def _add(self, table: str, query: str) -> None:
        """Add rows to a table of the kit, which has the columns of the query."""
        if table not in self._made:
            self._session.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM ({query}) LIMIT 0")
            self._made[table] = None
        self._session.execute(f"INSERT INTO {table} {query}")


def _mark(text: str) -> int:
    """A watermark in microseconds since 1970."""
    infinite = {_beginning: BEGINNING, _end: END}
    return infinite[text] if text in infinite else since_1970(datetime.fromisoformat(text).replace(tzinfo=UTC))


def _kept(name: RelationName) -> str:
    return quote_identifier(f"kit.{name}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quote_identifier(name) for name in names)


def _columns(source: Source) -> str:
    """The columns that a source's rows have, without their origin."""
    replaces = source.changes is ChangeMode.REPLACE
    return _listed((*source.schema.names, *((DIFF_COLUMN,) if replaces else ())))


def _consolidated(columns: str, rows: str, *, group: str | None = None) -> str:
    """Gained and lost rows, each once, those that cancel out left away."""
    times = f"CAST(sum({_diff}) AS BIGINT) AS {_diff}"
    return f"SELECT {columns}, {times} FROM {rows} GROUP BY {group or columns} HAVING sum({_diff}) <> 0"


def _present(kept: str, names: Sequence[str]) -> str:
    """The rows that are there, of rows gained and lost over epochs."""
    columns = _listed(names)
    copies = f'UNNEST(generate_series(1, CAST({_diff} AS BIGINT))) AS "kit.copies"("kit.copy")'
    return f"SELECT {columns} FROM ({_consolidated(columns, kept)}) CROSS JOIN {copies}"
