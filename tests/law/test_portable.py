"""Programs are SQL that other engines can be given: every statement is generated for them and parsed there.

Parsing alone proves little, because the parser also reads what an engine does not have. So the functions and clauses
of what is written are held to those that the engine documents; what remains for an engine's own room to map stands in
the golden file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import sqlglot
from tests.law.choices import Choices
from tests.law.generate import case, queries, relations

from headwater.incremental.moments import BEGINNING, END, Marks
from headwater.incremental.program import Delete, Insert, Keep, Program, Take
from headwater.relations import Statement
from headwater.spi import discovery
from headwater.testing.cases import Case, conformance_cases

SEEDS = range(1_000, 1_080)

COMMON: Final = """
    ABS ARRAY_AGG AVG BOOL_AND BOOL_OR CAST COALESCE CONCAT COUNT COUNT_IF CUME_DIST DATE_TRUNC DECIMAL DENSE_RANK
    EXISTS EXTRACT FILTER FIRST_VALUE GREATEST IF IN LAG LAST_VALUE LEAD LEAST LENGTH LISTAGG LOWER MAX MAX_BY MIN
    MIN_BY NTILE NULLIF OVER PERCENT_RANK POW RANK ROUND ROW_NUMBER SEQUENCE SQRT STDDEV STDDEV_POP STDDEV_SAMP SUBSTR
    SUM UPPER VALUES VARCHAR VARIANCE VAR_POP VAR_SAMP
"""
DOCUMENTED: Final = {
    "spark": """
        ANY_VALUE APPROX_COUNT_DISTINCT ARRAY ARRAY_SIZE COLLECT_LIST COLLECT_SET EXPLODE EXPLODE_OUTER FIRST LAST
        MEDIAN PERCENTILE PERCENTILE_APPROX PERCENTILE_CONT PERCENTILE_DISC POSEXPLODE SIZE STRUCT SUBSTRING
        TIMESTAMP_MICROS
    """,
    "trino": "APPROX_DISTINCT ARBITRARY ARRAY CARDINALITY FROM_UNIXTIME ROW SUBSTRING TRUNCATE UNNEST",
}
"""Functions, and words that stand before parentheses, of the engines' references (Spark SQL "Built-in Functions", Trino
"Functions and operators"), as far as programs come to them."""

FOREIGN: Final = {
    "spark": ("ASOF JOIN", "ASOF LEFT JOIN", "NOT MATERIALIZED", "QUALIFY", "EXCLUDE"),
    "trino": (
        *("ASOF JOIN", "ASOF LEFT JOIN", "NOT MATERIALIZED", "QUALIFY", "EXCLUDE"),
        *("SEMI JOIN", "ANTI JOIN", "MICROSECOND"),
    ),
}
"""Words that the parsers read and the engines do not have."""

INFINITE: Final = "TIMESTAMP that is infinite"


def generated() -> Iterator[Case]:
    for seed in SEEDS:
        choose = Choices(seed)
        sources = relations(choose)
        yield case(f"seed {seed}", sources, queries(choose, sources), [{}])


def statements(program: Program) -> Iterator[str]:
    ends = {name: Marks(BEGINNING, END) for moment in program.moments for name in moment.relations}
    for step in (*program.steps_at(ends), *program.statements, *program.rebuild):
        match step:
            case Statement():
                yield f"CREATE TABLE {step.creates} AS {step.sql}"
            case Insert():
                yield f"INSERT INTO {step.state} {step.sql}"
            case Delete():
                yield f"DELETE FROM {step.state} AS kept WHERE {step.where}"
            case Take():
                yield f"CREATE TABLE {step.creates} AS SELECT * FROM {step.state} AS kept WHERE {step.where}"
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


def unknown(dialect: str, text: str) -> Iterator[str]:
    """What an engine does not document of a statement that was written for it."""
    if re.search(r"'-?infinity'", text, flags=re.IGNORECASE):
        yield INFINITE
    known = {*COMMON.split(), *DOCUMENTED[dialect].split()}
    bare = re.sub(r"'(?:[^']|'')*'|`[^`]*`|\"(?:[^\"]|\"\")*\"", " _ ", text)
    for name in re.findall(r"\b([A-Za-z]\w*)\(", bare):
        if name.upper() not in known:
            yield f"{name.upper()}()"
    yield from (word for word in FOREIGN[dialect] if re.search(rf"\b{word}\b", bare))


@pytest.mark.parametrize("dialect", ["spark", "trino"])
def test_every_statement_is_generated_and_parsed(
    dialect: str, programs: list[Program], golden: Callable[[str, str], None]
) -> None:
    found: set[str] = set()
    for text in dict.fromkeys(statement for program in programs for statement in statements(program)):
        written = sqlglot.transpile(text, read="duckdb", write=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        assert all(sqlglot.parse(";".join(written), read=dialect, error_level=sqlglot.ErrorLevel.RAISE))
        found |= {each for part in written for each in unknown(dialect, part)}
    golden(f"incremental/portable.{dialect}.txt", "".join(f"{name}\n" for name in sorted(found)))
