"""Drives programs over real data, epoch by epoch, as the runtime does, and compares with the query over everything.

Three relations stand for what there is: ``p.a`` and ``p.b`` append and have a watermark on ``ts``, an hour behind the
latest row; ``p.c`` is a table whose rows come and go.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import duckdb

from headwater.incremental.lowering import lower
from headwater.incremental.moments import BEGINNING, END, Marks, since_1970
from headwater.incremental.program import ChangeMode, Clock, Delete, Given, Insert, Keep, Program, Take
from headwater.incremental.stateful import compile_stateful
from headwater.relations import Statement, relation
from headwater.sql.analyse import analyse
from headwater.sql.analysis import Analysis
from headwater.sql.parse import parse_engine_sql
from headwater.types import RelationName, Schema, quote_identifier

Row: TypeAlias = tuple[Any, ...]

MODEL = RelationName("p", "m")
A, B, C = (RelationName("p", name) for name in "abc")
SCHEMAS = {
    A: Schema.of({"k": "INTEGER", "v": "DOUBLE", "ts": "TIMESTAMP", "n": "INTEGER"}),
    B: Schema.of({"k": "INTEGER", "w": "VARCHAR", "ts": "TIMESTAMP", "l": "INTEGER[]"}),
    C: Schema.of({"k": "INTEGER", "name": "VARCHAR"}),
}
GIVEN = {
    A: Given(ChangeMode.APPEND, {"ts": Clock(frozenset((A,)))}),
    B: Given(ChangeMode.APPEND, {"ts": Clock(frozenset((B,)))}),
    C: Given(ChangeMode.REPLACE),
}
_start = dt.datetime.fromisoformat("2024-01-01")
_delay = dt.timedelta(hours=1)


def bind(sql: str, relations: Mapping[str, Schema]) -> Schema:
    """The engine's binder, over empty tables."""
    with duckdb.connect() as connection:
        for name, schema in relations.items():
            columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
            connection.execute(f"CREATE TABLE {quote_identifier(name)} ({columns})")
        bound = connection.sql(sql)
        return Schema.of({name: str(kind) for name, kind in zip(bound.columns, bound.types, strict=True)})


def analysed(query: str) -> Analysis:
    return analyse(query, name=MODEL, resolve=lambda parts: RelationName("p", parts[-1]), schemas=SCHEMAS, binder=bind)


def compiled(query: str) -> tuple[Analysis, Program]:
    """A query's program; raises Unmaintainable where no operators express it."""
    analysis = analysed(query)
    names = {str(read): read for read in SCHEMAS}
    columns = {read: schema.names for read, schema in SCHEMAS.items()}
    root = lower(parse_engine_sql(analysis.canonical), names, columns)
    return analysis, compile_stateful(MODEL, root, analysis, given=GIVEN, schemas=SCHEMAS, binder=bind)


@dataclass(slots=True)
class Epoch:
    """What arrives: appended rows, and rows of ``c`` gained and lost. ``now`` is the watermark behind them."""

    changes: dict[RelationName, list[Row]] = field(default_factory=dict)
    now: dict[RelationName, dt.datetime | None] = field(default_factory=dict)


def random_epochs(seed: int, *, rows: int = 24, epochs: int = 5, keys: int = 3) -> list[Epoch]:
    """Rows with NULLs and duplicates, late within the bound, some epochs without any; the last one ends the input."""
    chance = random.Random(seed)
    drawn: dict[RelationName, list[Row]] = {
        A: [
            (_key(chance, keys), chance.choice([None, 1.0, 2.5]), _time(chance), chance.randint(0, 3))
            for _ in range(chance.randint(0, rows))
        ],
        B: [
            (_key(chance, keys), chance.choice(["x", "y", None]), _time(chance), chance.choice([None, [1, 2], []]))
            for _ in range(chance.randint(0, rows))
        ],
    }
    count = chance.randint(1, epochs)
    found = [Epoch({A: [], B: [], C: []}) for _ in range(count)]
    for name, all_rows in drawn.items():
        latest: dt.datetime | None = None
        arriving = sorted(all_rows, key=lambda row: row[2] + _delay * chance.random())
        cuts = sorted(chance.randint(0, len(arriving)) for _ in range(count - 1))
        for at, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(arriving)], strict=True)):
            found[at].changes[name] = arriving[low:high]
            latest = max([row[2] for row in arriving[:high]], default=None)
            found[at].now[name] = None if latest is None else latest - _delay
    _revise(found, chance, keys)
    return found


def _revise(epochs: Sequence[Epoch], chance: random.Random, keys: int) -> None:
    """Rows of ``c`` that come and go, several times at once, and none below nothing."""
    there: Counter[Row] = Counter()
    for epoch in epochs:
        before = Counter(there)
        for _ in range(chance.randint(0, 6)):
            row = (_key(chance, keys), chance.choice(["one", "two", None]))
            there[row] = chance.randint(0, 2)
        changed = {row: there[row] - before[row] for row in there}
        epoch.changes[C] = [(*row, times) for row, times in changed.items() if times]


def _key(chance: random.Random, keys: int) -> int | None:
    return chance.choice((0, *range(1, keys + 1))) or None


def _time(chance: random.Random) -> dt.datetime:
    return _start + dt.timedelta(minutes=chance.randint(0, 60) * 5)


@dataclass(slots=True)
class Outcome:
    """What came out, and what the query over everything yields."""

    published: Counter[Row]
    logged: Counter[Row]
    batch: Counter[Row]
    kept: dict[str, int]


def run(analysis: Analysis, program: Program, epochs: Sequence[Epoch], *, ends: bool = True) -> Outcome:
    """Run a program over epochs; with ``ends``, time is over behind the last one."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        for name, schema in SCHEMAS.items():
            columns = ", ".join(f"{quote_identifier(column.name)} {column.type}" for column in schema)
            connection.execute(f"CREATE TABLE {quote_identifier(str(name))} ({columns})")
        before = dict.fromkeys((A, B), BEGINNING)
        marks: dict[RelationName, Marks] = {}
        for at, epoch in enumerate(epochs):
            for name in SCHEMAS:
                _land(connection, name, epoch.changes.get(name, []))
            for name in (A, B):
                known = epoch.now.get(name)
                last = ends and at == len(epochs) - 1
                now = END if last else since_1970(known.replace(tzinfo=dt.UTC)) if known else before[name]
                marks[name] = Marks(before[name], now)
                before[name] = now
            _steps(connection, program, marks)
        return _outcome(connection, analysis, program)


def _land(connection: duckdb.DuckDBPyConnection, name: RelationName, rows: Sequence[Row]) -> None:
    table = quote_identifier(str(name))
    landed = relation("delta" if name == C else "change", name)
    extra = ", CAST(0 AS BIGINT) AS _hw_diff" if name == C else ""
    connection.execute(f"CREATE OR REPLACE TABLE {landed} AS SELECT *{extra} FROM {table} LIMIT 0")
    if not rows:
        return
    marks = ", ".join("?" for _ in rows[0])
    values = ", ".join(f"({marks})" for _ in rows)
    connection.execute(f"INSERT INTO {landed} VALUES {values}", [value for row in rows for value in row])
    if name != C:
        connection.execute(f"INSERT INTO {table} SELECT * FROM {landed}")
        return
    for *row, times in rows:
        for _ in range(times):
            connection.execute(f"INSERT INTO {table} VALUES (?, ?)", row)
        if times < 0:
            connection.execute(
                f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} "
                f"WHERE k IS NOT DISTINCT FROM ? AND name IS NOT DISTINCT FROM ? LIMIT {-times})",
                row,
            )


def _steps(connection: duckdb.DuckDBPyConnection, program: Program, marks: Mapping[RelationName, Marks]) -> None:
    made = []
    for step in program.steps_at(marks):
        match step:
            case Statement(creates, sql):
                connection.execute(f"CREATE TEMP TABLE {creates} AS {sql}")
                made.append(creates)
            case Keep(state, like):
                connection.execute(f"CREATE TABLE IF NOT EXISTS {state} AS SELECT * FROM {like} LIMIT 0")
            case Insert(state, sql):
                connection.execute(f"INSERT INTO {state} {sql}")
            case Delete(state, where):
                connection.execute(f"DELETE FROM {state} AS kept WHERE {where}")
            case Take(creates, state, where):
                connection.execute(f"CREATE TEMP TABLE {creates} AS SELECT * FROM {state} AS kept WHERE {where}")
                connection.execute(f"DELETE FROM {state} AS kept WHERE {where}")
                made.append(creates)
    result, log = program.steps[-1].creates, quote_identifier("log")  # type: ignore[union-attr]
    connection.execute(f"CREATE TABLE IF NOT EXISTS {log} AS SELECT * FROM {result} LIMIT 0")
    connection.execute(f"INSERT INTO {log} SELECT * FROM {result}")
    for name in made:
        connection.execute(f"DROP TABLE {name}")


def _outcome(connection: duckdb.DuckDBPyConnection, analysis: Analysis, program: Program) -> Outcome:
    columns = ", ".join(quote_identifier(name) for name in analysis.schema.names)
    logged: Counter[Row] = Counter()
    if program.mode is ChangeMode.APPEND:
        logged.update(connection.execute(f"SELECT {columns} FROM log").fetchall())
        published = logged
    else:
        for *row, times in connection.execute(f"SELECT {columns}, _hw_diff FROM log").fetchall():
            logged[_plain(row)] += times
        published = Counter(_plain(row) for row in connection.execute(program.content or "").fetchall())
    batch = Counter(_plain(row) for row in connection.execute(analysis.engine_sql).fetchall())
    kept = {state: connection.execute(f"SELECT count(*) FROM {state}").fetchall()[0][0] for state in program.states}
    return Outcome(published, Counter({row: n for row, n in logged.items() if n}), batch, kept)


def moment_lines(program: Program) -> list[str]:
    """What a program's steps depend on of the watermarks, as text."""
    found = []
    for moment in program.moments:
        of = " and ".join(sorted(map(str, moment.relations)))
        line = f"  {moment.name}: {'before' if moment.before else 'now'}, of {of}"
        line += f", less {moment.delay}" if moment.delay else ""
        if moment.width is not None:
            line += f", in slices of {moment.width} from {moment.offset}"
            line += f", times {moment.times} plus {moment.plus}" if moment.times != 1 else ""
        found.append(line)
    return ["moments:", *found] if found else []


def _plain(row: Sequence[Any]) -> Row:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
