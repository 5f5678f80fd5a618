"""Joins and subqueries: golden programs, each run over random epochs beside the query over everything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from tests.unit.incremental.epochs import A, B, C, Epoch, compiled, moment_lines, random_epochs, run

from headwater.incremental.lowering import Unmaintainable
from headwater.incremental.program import BlockKind, ChangeMode, Delete, Insert, Keep, Program, Take
from headwater.relations import Statement
from headwater.sql.parse import dialect, parse_engine_sql

folder = Path(__file__).parents[2] / "golden" / "incremental" / "joins"
cases = sorted(path.stem for path in folder.glob("*.sql"))
seeds = (1, 4)


def text(program: Program) -> str:
    """A program as text, one step a paragraph."""
    lines = [f"mode: {program.mode}", "inputs:", *(f"  {read.role} {read.relation}" for read in program.inputs)]
    lines += [*moment_lines(program), "blocks:"]
    for block in program.blocks:
        lines += [f"  {block.name}: {block.kind} because {block.why}", f"    keeps: {block.state}"]
        lines += [f"    by: {', '.join(block.key)}"] if block.key else []
        lines += [f"    cheaper: {block.cheaper}"] if block.cheaper else []
        lines += [] if block.bounded else ["    grows"]
    for step in program.steps:
        match step:
            case Statement(creates, sql):
                lines += [f"{creates} AS", *_pretty(sql)]
            case Keep(state, like):
                lines.append(f"keep {state} like {like}")
            case Insert(state, sql):
                lines += [f"insert into {state}", *_pretty(sql)]
            case Delete(state, where):
                lines += [f"delete from {state} where", *_pretty(where)]
            case Take(creates, state, where):
                lines += [f"{creates} taken from {state} where", *_pretty(where)]
    lines += [] if program.content is None else ["content:", *_pretty(program.content)]
    return "\n".join(lines) + "\n"


def _pretty(sql: str) -> list[str]:
    tree = sqlglot.parse_one(sql, dialect=dialect)
    return [f"    {line}" for line in dialect.generate(tree, pretty=True, comments=False).splitlines()]


@pytest.mark.parametrize("case", cases)
def test_a_join_and_what_it_publishes(case: str, golden: Any) -> None:
    analysis, program = compiled((folder / f"{case}.sql").read_text(encoding="utf-8"))
    golden(f"incremental/joins/{case}.program", text(program))
    for seed in seeds:
        outcome = run(analysis, program, random_epochs(seed, rows=16, epochs=4))
        assert outcome.published == outcome.batch
        assert outcome.logged == outcome.batch


@pytest.mark.parametrize("case", [case for case in cases if not case.startswith("as_of")])
@pytest.mark.parametrize("engine", ["spark", "trino"])
def test_other_engines_read_the_statements(case: str, engine: str) -> None:
    _, program = compiled((folder / f"{case}.sql").read_text(encoding="utf-8"))
    for step in program.steps:
        if isinstance(step, Statement | Insert):
            written = parse_engine_sql(step.sql).sql(dialect=engine)
            assert sqlglot.parse_one(written, dialect=engine)


def at(minutes: int) -> dt.datetime:
    return dt.datetime.fromisoformat("2024-01-01") + dt.timedelta(minutes=minutes)


def steadily(epochs: int) -> list[Epoch]:
    """Two rows an epoch on each side, ten minutes further each time; the watermark is an hour behind."""
    return [
        Epoch(
            {
                A: [(1, 1.0, at(10 * number), 1), (2, 1.0, at(10 * number + 5), 1)],
                B: [(1, "x", at(10 * number), None), (3, "y", at(10 * number + 5), None)],
            },
            {name: at(10 * number + 5) - dt.timedelta(hours=1) for name in (A, B)},
        )
        for number in range(epochs)
    ]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a.k FROM a JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL 1 HOUR AND b.ts",
        "SELECT a.k, b.w FROM a LEFT JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL 1 HOUR AND b.ts",
        "SELECT a.k, b.w FROM a FULL JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL 1 HOUR AND b.ts",
        "SELECT a.k FROM a ANTI JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - INTERVAL 1 HOUR AND b.ts",
        "SELECT a.k FROM a JOIN TUMBLE(b, ts, INTERVAL 1 HOUR) AS w "
        "ON a.k = w.k AND a.ts >= w.window_start AND a.ts < w.window_end",
        "SELECT a.k, w.n FROM a LEFT JOIN (SELECT window_start AS s, window_end AS e, count(*) AS n FROM "
        "HOP(b, ts, INTERVAL 10 MINUTE, INTERVAL 1 HOUR) GROUP BY ALL) AS w ON a.ts >= w.s AND a.ts < w.e",
        "SELECT a.k, b.w FROM a ASOF LEFT JOIN b ON a.k = b.k AND a.ts >= b.ts",
        "SELECT x.k, y.w FROM TUMBLE(a, ts, INTERVAL 1 HOUR) AS x LEFT JOIN TUMBLE(b, ts, INTERVAL 1 HOUR) AS y "
        "ON x.window_end = y.window_end AND x.k = y.k",
    ],
)
def test_state_that_time_bounds_stops_growing(query: str) -> None:
    analysis, program = compiled(query)
    assert program.mode is ChangeMode.APPEND
    assert all(block.bounded for block in program.blocks)
    short, long = (run(analysis, program, steadily(epochs), ends=False).kept for epochs in (20, 40))
    assert sum(long.values()) <= sum(short.values()) + 12


def test_a_match_that_comes_and_goes() -> None:
    analysis, program = compiled("SELECT a.k, c.name FROM a LEFT JOIN c ON a.k = c.k")
    epochs = [
        Epoch({A: [(1, 1.0, at(0), 1)]}),
        Epoch({C: [(1, "one", 1)]}),
        Epoch({}),
        Epoch({C: [(1, "one", -1), (1, "two", 1)]}),
        Epoch({C: [(1, "two", -1)]}),
    ]
    seen = [run(analysis, program, epochs[:count]).published for count in range(1, len(epochs) + 1)]
    assert seen == [{(1, None): 1}, {(1, "one"): 1}, {(1, "one"): 1}, {(1, "two"): 1}, {(1, None): 1}]


def test_one_value_of_rows_that_no_key_counts_is_refused() -> None:
    with pytest.raises(Unmaintainable, match="may yield several rows"):
        compiled("SELECT a.v, (SELECT c.name FROM c WHERE c.k > a.k) AS name FROM a")


def test_a_block_without_operators_is_full_alone() -> None:
    _, program = compiled((folder / "full_recursive_beside.sql").read_text(encoding="utf-8"))
    assert {block.kind for block in program.blocks} == {BlockKind.FULL, BlockKind.KEYED}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(
    "case",
    [
        "interval_greatest",
        "interval_least_by_key",
        "interval_greatest_of_other",
        "interval_wider_than_the_window",
        "interval_in_the_window",
    ],
)
def test_rows_that_an_open_window_surpasses_are_not_missed(case: str, seed: int) -> None:
    analysis, program = compiled((folder / f"{case}.sql").read_text(encoding="utf-8"))
    outcome = run(analysis, program, random_epochs(seed, rows=40, epochs=6))
    assert outcome.published == outcome.batch
