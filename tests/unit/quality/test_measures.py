"""Library metrics count what Python counts, and the statements of a judging read as they are kept."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.quality import DatasetCheck, compile_judgement, judge
from headwater.spec.contract import Contract, Property, QualityRule, Reference
from headwater.types import RelationName, Schema

NAME = RelationName("shop", "orders")
SCHEMA = Schema.of({"unit": "varchar", "tenant": "integer"})
rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from(["kg", "g", "", "N/A", "kg "])), st.one_of(st.none(), st.integers(0, 2))
    ),
    max_size=12,
)


def metric(name: str, unit: str = "rows", **arguments: Any) -> QualityRule:
    where: Any = unit
    return QualityRule("library", metric=name, operator="mustBe", threshold=0, unit=where, arguments=arguments)


def measured(rules: tuple[QualityRule, ...], whole: tuple[QualityRule, ...]) -> list[str]:
    contract = Contract("c", "1", "orders", "c.yaml", (Property("unit", rules=rules),), whole)
    checks = compile_judgement(contract, NAME, SCHEMA).checks
    return [str(check.measure) for check in checks if isinstance(check, DatasetCheck)]


@pytest.fixture(scope="module")
def engine() -> Any:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_metrics_count_what_they_say(engine: Any, rows: list[tuple[str | None, int | None]]) -> None:
    measures = measured(
        (
            metric("nullValues"),
            metric("nullValues", "percent"),
            metric("missingValues"),
            metric("missingValues", missingValues=["", "N/A"]),
            metric("invalidValues", validValues=["kg", "g"]),
            metric("invalidValues", pattern="^k"),
            metric("invalidValues", "percent", validValues=["kg", "g"], pattern="^k"),
            metric("duplicateValues"),
        ),
        (metric("duplicateValues", properties=["tenant", "unit"]), metric("rowCount")),
    )
    engine.execute("CREATE OR REPLACE TABLE content (unit VARCHAR, tenant INTEGER)")
    if rows:
        engine.executemany("INSERT INTO content VALUES (?, ?)", rows)
    found = engine.execute(f"SELECT {', '.join(measures)} FROM content").fetchall()[0]
    units = [unit for unit, _ in rows]
    filled = [unit for unit in units if unit is not None]
    pairs = [row for row in rows if None not in row]
    both = [unit for unit in filled if unit not in ("kg", "g") or not re.search("^k", unit)]
    assert found == (
        units.count(None),
        pytest.approx(100 * units.count(None) / len(rows) if rows else 0),
        units.count(None) + units.count(""),
        units.count("") + units.count("N/A"),
        len([unit for unit in filled if unit not in ("kg", "g")]),
        len([unit for unit in filled if not unit.startswith("k")]),
        pytest.approx(100 * len(both) / len(rows) if rows else 0),
        len(filled) - len(set(filled)),
        len(pairs) - len(set(pairs)),
        len(rows),
    )


def test_the_statements_of_a_judging(golden: Any) -> None:
    contract = Contract(
        "orders",
        "1.0.0",
        "orders",
        "orders.odcs.yaml",
        (
            Property("unit", required=True, enum=("kg", "g"), rules=(metric("nullValues"), metric("duplicateValues"))),
            Property("tenant", unique=True),
        ),
        (QualityRule("sql", query="SELECT count(*) FROM ${object}", operator="mustBeGreaterThan", threshold=0),),
        (Reference(("tenant",), "crm.tenants", ("id",)),),
    )
    judging = judge(NAME, compile_judgement(contract, NAME, SCHEMA), SCHEMA, history=True, malformed=True)
    assert judging.rejected
    statements = [*judging.work, judging.rejected, judging.change, judging.unrefused, judging.accepted]
    text = [f"-- {statement.creates}\n{statement.sql}\n" for statement in statements]
    text += [f"-- {', '.join(check.code for check in query.checks)}\n{query.sql}\n" for query in judging.datasets]
    golden("quality/judging.sql", "\n".join(text))
