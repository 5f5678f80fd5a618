"""Programs are SQL that other engines can be given: every statement is generated for them and parsed there.

What remains to be mapped by an engine's own room stands in the golden file: functions that the dialect does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlglot
from sqlglot import exp
from tests.law.choices import Choices
from tests.law.generate import case, queries, relations

from headwater.incremental.program import Delete, Insert, Keep, Program
from headwater.relations import Statement
from headwater.spi import discovery
from headwater.testing.cases import Case, conformance_cases

SEEDS = range(1_000, 1_080)


def generated() -> Iterator[Case]:
    for seed in SEEDS:
        choose = Choices(seed)
        sources = relations(choose)
        yield case(f"seed {seed}", sources, queries(choose, sources), [{}])


def statements(program: Program) -> Iterator[str]:
    for step in (*program.steps, *program.statements, *program.rebuild):
        match step:
            case Statement():
                yield f"CREATE TABLE {step.creates} AS {step.sql}"
            case Insert():
                yield f"INSERT INTO {step.state} {step.sql}"
            case Delete():
                yield f"DELETE FROM {step.state} AS kept WHERE {step.where}"
            case Keep():
                yield f"CREATE TABLE IF NOT EXISTS {step.state} AS SELECT * FROM {step.like} LIMIT 0"
    if program.content is not None:
        yield program.content


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    engine = discovery.engine("duckdb")
    cases = [*(each for each in conformance_cases() if not each.runs), *generated()]
    return [model.program for each in cases for model in each.compile(engine)]


@pytest.mark.parametrize("dialect", ["spark", "trino"])
def test_every_statement_is_generated_and_parsed(
    dialect: str, programs: list[Program], golden: Callable[[str, str], None]
) -> None:
    unknown: set[str] = set()
    for text in dict.fromkeys(statement for program in programs for statement in statements(program)):
        written = sqlglot.transpile(text, read="duckdb", write=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        for tree in sqlglot.parse(";".join(written), read=dialect, error_level=sqlglot.ErrorLevel.RAISE):
            assert tree is not None
            names = (node.name.lower() for node in tree.find_all(exp.Anonymous))
            unknown |= {name for name in names if not name.startswith("_")}
    golden(f"incremental/portable.{dialect}.txt", "".join(f"{name}\n" for name in sorted(unknown)))
