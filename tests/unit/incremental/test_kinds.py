"""What windows, sessions and rankings keep: golden programs, each run over splits beside the query it must equal."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from tests.unit.incremental.epochs import moment_lines

from headwater.incremental.compiler import compile_program
from headwater.incremental.program import ChangeMode, Delete, Insert, Keep, Program, Step, Take
from headwater.relations import Statement
from headwater.spi import discovery
from headwater.spi.engine import Session
from headwater.sql.analyse import analyse
from headwater.sql.analysis import Analysis
from headwater.sql.parse import dialect, parse_engine_sql
from headwater.testing.programs import EventTime, ProgramRun, Source
from headwater.types import RelationName, Schema, quote_identifier

folder = Path(__file__).parents[2] / "golden" / "incremental" / "kinds"
cases = sorted(path.stem for path in folder.glob("*.sql"))

ORDERS, RESULT = RelationName("shop", "orders"), RelationName("shop", "result")
COLUMNS = Schema.of(
    {
        "id": "INTEGER",
        "customer": "VARCHAR",
        "amount": "DECIMAL(9,2)",
        "quantity": "INTEGER",
        "placed_at": "TIMESTAMP",
        "placed_on": "DATE",
        "placed_in_zone": "TIMESTAMP WITH TIME ZONE",
        "due_at": "TIMESTAMP",
    }
)
DELAY = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Order:
    """A row; times are told in minutes after the beginning."""

    id: int
    customer: str | None
    amount: float | None
    quantity: int
    minute: int
    due: int

    def values(self, begins: datetime) -> str:
        def text(value: object) -> str:
            return "NULL" if value is None else f"'{value}'"

        at = begins + timedelta(minutes=self.minute)
        due = begins + timedelta(minutes=self.due)
        return (
            f"({self.id}, {text(self.customer)}, {text(self.amount)}, {self.quantity}, "
            f"'{at}', '{at.date()}', '{at}+00', '{due}')"
        )


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with discovery.engine("duckdb").query({"threads": 1}) as opened:
        yield opened


def compiled(query: str, *, column: str = "placed_at") -> tuple[Analysis, Program, Source]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(f"{quote_identifier(each.name)} {each.type}" for each in COLUMNS)
        connection.execute(f"CREATE TABLE {quote_identifier(str(ORDERS))} ({columns})")

        def bind(sql: str, relations: Mapping[str, Schema]) -> Schema:
            del relations
            return Schema.of({row[0]: row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()})

        schemas = {ORDERS: COLUMNS}
        analysis = analyse(query, name=RESULT, resolve=lambda _: ORDERS, schemas=schemas, binder=bind)
        delay = timedelta(days=1) if column == "placed_on" else DELAY
        source = Source(ORDERS, COLUMNS, event_time=EventTime(column, delay))
        program = compile_program(RESULT, analysis, {ORDERS: source.given}, schemas=schemas, binder=bind)
        return analysis, program, source


def query_of(case: str) -> str:
    return (folder / f"{case}.sql").read_text(encoding="utf-8")


def event_time(query: str) -> str:
    """The column that the query's windows are of; the watermark is of the same one."""
    return next((name for name in ("placed_on", "placed_in_zone") if name in query), "placed_at")


def pretty(sql: str) -> list[str]:
    return dialect.generate(parse_engine_sql(sql), pretty=True, comments=False).splitlines()


def render(program: Program) -> str:
    """A program as text, one step a paragraph."""
    lines = [f"kind: {program.kind}", f"mode: {program.mode}", "inputs:"]
    lines += [f"  {read.role} {read.relation}" for read in program.inputs]
    lines.append("blocks:")
    for block in program.blocks:
        bound = "" if block.bounded else ", without bound"
        lines.append(f"  {block.name}: {block.kind} because {block.why}")
        lines.append(f"    keeps {block.state}{bound}; key: {', '.join(block.key) or 'none'}")
        if block.cheaper:
            lines.append(f"    cheaper: {block.cheaper}")
    if program.clocks:
        lines.append("clocks:")
        for name, clock in program.clocks.items():
            lines.append(f"  {name}: {clock.delay}{', closes' * clock.closes}{', settled' * (name in program.settled)}")
    lines += [*moment_lines(program), "steps:"]
    for step in program.steps:
        lines += [f"  {line}" for line in step_lines(step)]
    if program.content is not None:
        lines += ["content:", *(f"  {line}" for line in pretty(program.content))]
    return "\n".join(lines) + "\n"


def step_lines(step: Step) -> list[str]:
    match step:
        case Statement(creates, sql):
            return [f"{creates} AS", *(f"  {line}" for line in pretty(sql))]
        case Keep(state, like):
            return [f"keep {state} like {like}"]
        case Insert(state, sql):
            return [f"insert {state}", *(f"  {line}" for line in pretty(sql))]
        case Delete(state, where):
            return [f"delete {state} WHERE", *(f"  {line}" for line in pretty(f"SELECT {where}")[1:])]
        case Take(creates, state, where):
            return [f"{creates} taken from {state} WHERE", *(f"  {line}" for line in pretty(f"SELECT {where}")[1:])]


def random_orders(chance: random.Random, count: int) -> list[Order]:
    minutes = chance.choice([60, 300, 2000])
    return [
        Order(
            id=number,
            customer=chance.choice(["ada", "bob", None]),
            amount=chance.choice([None, 1.25, 2.5, 20.75]),
            quantity=chance.randint(0, 3),
            minute=chance.randint(0, minutes),
            due=chance.randint(0, 90),
        )
        for number in range(count)
    ]


def arrivals(orders: Sequence[Order], chance: random.Random) -> list[list[Order]]:
    """Orders in an order that the watermark admits, split into epochs, some of which bring nothing."""
    delay = DELAY // timedelta(minutes=1)
    ordered = sorted(orders, key=lambda order: order.minute + chance.randint(0, delay))
    cuts = sorted(chance.randint(0, len(ordered)) for _ in range(chance.randint(0, 5)))
    return [list(ordered[low:high]) for low, high in zip([0, *cuts], [*cuts, len(ordered)], strict=True)]


def rows_of(session: Session, sql: str, analysis: Analysis) -> list[tuple[Any, ...]]:
    columns = ", ".join(
        f"round({quote_identifier(column.name)}, 6)"
        if column.type.name == "DOUBLE"
        else f"CAST({quote_identifier(column.name)} AS VARCHAR)"
        for column in analysis.schema
    )
    return session.fetch(f"SELECT {columns} FROM ({sql}) ORDER BY ALL")


def run(session: Session, query: str, epochs: Sequence[Sequence[Order]], begins: datetime) -> None:
    """Run a query's program over epochs, the last of which ends the input; compare with the query over everything."""
    analysis, program, source = compiled(query, column=event_time(query))
    running = ProgramRun(session, [source], [program])
    try:
        changes = arrive(running, epochs, begins)
        everything = (
            f"WITH {quote_identifier(str(ORDERS))} AS ({running.rows(ORDERS)}) SELECT * FROM ({analysis.engine_sql})"
        )
        expected = rows_of(session, everything, analysis)
        assert rows_of(session, running.rows(RESULT), analysis) == expected
        assert changes == len(expected)
        if program.mode is ChangeMode.APPEND:
            assert all(session.fetch(f"SELECT count(*) FROM {state}") == [(0,)] for state in program.states)
    finally:
        running.drop()


def arrive(running: ProgramRun, epochs: Sequence[Sequence[Order]], begins: datetime) -> int:
    """Run epochs; how many rows the result has by the changes alone, none of which takes back what was not there."""
    total: dict[tuple[Any, ...], int] = {}
    for number, orders in enumerate(epochs, 1):
        given = ", ".join(order.values(begins) for order in orders)
        rows = f"SELECT {cast()} FROM (VALUES {given}) AS given({', '.join(COLUMNS.names)})"
        ended = [ORDERS] if number == len(epochs) else []
        told = running.epoch({ORDERS: rows} if given else {}, ended=ended)
        assert told.late == {ORDERS: 0}
        for row, times in told.changes[RESULT]:
            found = tuple(tuple(value) if isinstance(value, list) else value for value in row)
            total[found] = total.get(found, 0) + times
        assert all(times >= 0 for times in total.values())
    return sum(total.values())


def cast() -> str:
    return ", ".join(
        f"CAST({quote_identifier(each.name)} AS {each.type}) AS {quote_identifier(each.name)}" for each in COLUMNS
    )


@pytest.mark.parametrize("case", cases)
def test_the_program_of_a_query(golden: Any, case: str) -> None:
    query = query_of(case)
    _, program, _ = compiled(query, column=event_time(query))
    golden(f"incremental/kinds/{case}.program", render(program))


@pytest.mark.parametrize("case", cases)
def test_the_program_is_read_by_other_engines(case: str) -> None:
    query = query_of(case)
    _, program, _ = compiled(query, column=event_time(query))
    for step in program.steps:
        if isinstance(step, Statement | Insert):
            for other in ("spark", "trino"):
                assert sqlglot.parse_one(parse_engine_sql(step.sql).sql(other), read=other)


@pytest.mark.parametrize("case", cases)
@pytest.mark.parametrize("seed", range(3))
def test_any_split_yields_what_the_query_yields(session: Session, case: str, seed: int) -> None:
    chance = random.Random(f"{case} {seed}")
    begins = chance.choice([datetime(2024, 2, 29), datetime(1969, 12, 31, 22), datetime(1905, 3, 4, 5, 6, 7)])  # noqa: DTZ001
    run(session, query_of(case), arrivals(random_orders(chance, 24), chance), begins)
