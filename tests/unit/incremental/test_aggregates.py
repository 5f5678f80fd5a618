"""The parser's idea of aggregates and ours together cover every one the engine has."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from headwater.incremental.aggregates import is_aggregate

macros_over_aggregates = (
    "geomean geometric_mean wavg weighted_avg json_group_array json_group_object json_group_structure "
    "variant_group_array"
)


def _names(kind: str) -> list[str]:
    found = duckdb.sql(f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = '{kind}'")
    return sorted(name for (name,) in found.fetchall() if name.isidentifier())


@pytest.mark.parametrize("arguments", ["x", "x, y"])
def test_every_aggregate_of_the_engine_is_known(arguments: str) -> None:
    missed = [
        name
        for name in (*_names("aggregate"), *macros_over_aggregates.split())
        if not any(map(is_aggregate, _parse(f"{name}({arguments})").walk()))
    ]
    assert missed == []


def test_no_scalar_function_is_taken_for_an_aggregate() -> None:
    aggregates = set(_names("aggregate"))
    wrong = [
        name
        for name in _names("scalar")
        if name not in aggregates and any(map(is_aggregate, _parse(f"{name}(x)").walk()))
    ]
    assert wrong == []


def _parse(text: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(f"SELECT {text}", dialect="duckdb", error_level=sqlglot.ErrorLevel.IGNORE)
    except sqlglot.errors.ParseError:
        return sqlglot.parse_one("SELECT sum(x)")
