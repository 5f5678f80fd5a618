"""Refused rows survive as JSON, numbers meet their thresholds, budgets are counted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from headwater.quality import DatasetCheck, overspent, row_from_json, row_to_json, verdict
from headwater.spec.contract import Budget
from headwater.types import Counts, Json, Schema, quote_identifier

values = {
    "BOOLEAN": ["TRUE", "NULL"],
    "HUGEINT": ["170141183460469231731687303715884105727", "-1"],
    "UBIGINT": ["18446744073709551615"],
    "DOUBLE": ["0.1", "1e308", "5e-324", "'nan'", "'-infinity'", "-0.0", "NULL"],
    "FLOAT": ["0.1", "3.4e38"],
    "DECIMAL(38,8)": ["123456789012345678901234567890.12345678"],
    "VARCHAR": ["''", "'a\"b\\c'", "chr(10) || chr(1) || 'é☃'", "NULL"],
    "BLOB": ["'\\x00\\xFFa'", "NULL"],
    "DATE": ["'2013-01-01'", "'infinity'", "'0044-03-15 (BC)'"],
    "TIME": ["'23:59:59.999999'"],
    "TIMESTAMP": ["'2013-01-01 12:00:00.123456'"],
    "TIMESTAMP_NS": ["'2013-01-01 12:00:00.123456789'"],
    "TIMESTAMPTZ": ["'2013-01-01 12:00:00.123456+02'"],
    "INTERVAL": ["INTERVAL '1 month 2 days 3 seconds'"],
    "UUID": ["'00000000-0000-0000-0000-000000000001'"],
    "INTEGER[]": ["[1, NULL]", "[]", "NULL"],
    "DOUBLE[]": ["['nan', '0.1']"],
    "INTEGER[2]": ["[1, 2]"],
    'STRUCT("a b" DECIMAL(20,4), c STRUCT(d DATE, e VARCHAR[]))': [
        "{'a b': 12345678901234.5678, 'c': {'d': '2013-01-01', 'e': ['x,y', NULL]}}"
    ],
    "MAP(VARCHAR, DECIMAL(5,2))": ["MAP {'k': 1.25}"],
    "MAP(INTEGER, DATE)": ["MAP {1: DATE '2013-01-01'}"],
    "BIT": ["'0101'"],
}


@pytest.mark.parametrize("type", values)
def test_a_row_survives_the_quarantine(type: str) -> None:
    schema = Schema.of({'we"ird.$col': type, "plain": "INTEGER"})
    name = quote_identifier('we"ird.$col')
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute("SET TimeZone = 'UTC'")
        for value in values[type]:
            engine.execute(f"CREATE OR REPLACE TABLE t AS SELECT CAST({value} AS {type}) AS {name}, 1 AS plain")
            engine.execute(f'CREATE OR REPLACE TABLE q AS SELECT {row_to_json(schema)} AS "row" FROM t')
            restored = row_from_json(schema, '"row"')
            listed = ", ".join(f"{expression} AS {quote_identifier(column)}" for column, expression in restored.items())
            engine.execute(f"CREATE OR REPLACE TABLE r AS SELECT {listed} FROM q")
            text = engine.execute('SELECT "row" FROM q').fetchall()[0][0]
            assert set(json.loads(text)) == set(schema.names)
            engine.execute(f"CREATE OR REPLACE VIEW pair AS SELECT t.{name} AS old, r.{name} AS new FROM t, r")
            same = "old IS NOT DISTINCT FROM new AND CAST(old AS VARCHAR) IS NOT DISTINCT FROM CAST(new AS VARCHAR)"
            assert engine.execute(f"SELECT {same} AND typeof(old) = typeof(new) FROM pair").fetchall() == [(True,)]


thresholds: list[tuple[str, Json, Any, bool]] = [
    ("mustBe", 5, 5, True),
    ("mustBe", 5, Decimal("5.00"), True),
    ("mustBe", 0.1, 0.1, True),
    ("mustBe", True, True, True),
    ("mustBe", True, 1, False),
    ("mustBe", "a", "a", True),
    ("mustNotBe", 5, 6, True),
    ("mustNotBe", 5, 5, False),
    ("mustBeGreaterThan", 5, 5, False),
    ("mustBeGreaterOrEqualTo", 5, 5, True),
    ("mustBeLessThan", 5, 4.9, True),
    ("mustBeLessOrEqualTo", 5, 5, True),
    ("mustBeBetween", [1, 3], 3, True),
    ("mustBeBetween", [1, 3], 4, False),
    ("mustNotBeBetween", [1, 3], 1, False),
    ("mustNotBeBetween", [1, 3], 0, True),
    ("mustBeLessThan", 5, None, False),
    ("mustNotBe", 5, None, False),
    ("mustBeLessThan", 5, float("nan"), False),
    ("mustBeLessThan", 5, "4", False),
]


@pytest.mark.parametrize(("operator", "threshold", "value", "passed"), thresholds)
def test_a_threshold(operator: str, threshold: Json, value: Any, passed: bool) -> None:
    check = DatasetCheck("c", "SELECT 1", operator, threshold, "error", "the number")
    assert verdict(check, value).passed is passed


def test_only_errors_block() -> None:
    checks = [DatasetCheck("c", "", "mustBe", 0, severity, "rows lost") for severity in ("error", "warning", "info")]
    found = [verdict(check, 2) for check in checks]
    assert [one.blocks for one in found] == [True, False, False]
    assert found[0].message == "rows lost: 2, must be 0"


budgets: list[tuple[Budget, Counts, str | None]] = [
    (Budget(), Counts(10, 0, 0, 10), None),
    (Budget(rows=2), Counts(10, 8, 0, 2), None),
    (Budget(rows=2), Counts(10, 7, 0, 3), "3 of 10 rows were refused, the budget is 2 rows"),
    (Budget(rows=0), Counts(0), None),
    (Budget(percent=10), Counts(10, 9, 0, 1), None),
    (Budget(percent=10), Counts(10, 8, 0, 2), "2 of 10 rows (20 %) were refused, the budget is 10 %"),
    (Budget(percent=0.1), Counts(1000, 999, 0, 1), None),
    (Budget(rows=5, percent=1), Counts(100, 98, 0, 2), "2 of 100 rows (2 %) were refused, the budget is 1 %"),
]


@pytest.mark.parametrize(("budget", "counts", "reason"), budgets)
def test_a_budget(budget: Budget, counts: Counts, reason: str | None) -> None:
    assert overspent(budget, counts) == reason
