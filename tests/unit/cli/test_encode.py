"""Values as JSON and as cells."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.cli.encode import to_cell, to_json, to_json_rows, to_json_text
from headwater.types import Counts, DataType, RelationName, Schema


class Kind(Enum):
    MAP = "map"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (RelationName("p", "m"), "p.m"),
        (DataType.parse("decimal(10,2)"), "DECIMAL(10,2)"),
        (Kind.MAP, "map"),
        (float("nan"), "nan"),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), "2024-01-02T03:00:00+00:00"),
        (date(2024, 1, 2), "2024-01-02"),
        (time(1, 2, 3), "01:02:03"),
        (timedelta(hours=25), "P1DT3600S"),
        (timedelta(0), "PT0S"),
        (-timedelta(seconds=1.5), "-PT1.5S"),
        (b"\x00\xff", "AP8="),
        (Counts(3, 2, 1, 0), {"read": 3, "accepted": 2, "late": 1, "quarantined": 0}),
        (Schema.of({"id": "bigint"}), [{"name": "id", "type": "BIGINT", "nullable": True}]),
        ({"a": (1, {"b": None})}, {"a": [1, {"b": None}]}),
    ],
)
def test_values_have_a_json_form(value: object, expected: object) -> None:
    assert to_json(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
        (Decimal("NaN"), '"NaN"'),
        (float("inf"), '"inf"'),
        ([Decimal("1.10"), "ä"], '[1.10, "ä"]'),
        ({"k": {"n": None}}, '{"k": {"n": null}}'),
    ],
)
def test_a_rows_value_keeps_all_its_digits(value: object, expected: str) -> None:
    assert to_json_text(value) == expected


def test_no_rows_are_an_empty_array() -> None:
    assert list(to_json_rows(["a"], [])) == ["[]"]


leaves = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(st.lists(st.tuples(values, values), max_size=5))
def test_rows_read_back_as_they_were(rows: list[tuple[object, object]]) -> None:
    lines = list(to_json_rows(["a", 'b"c'], rows))
    assert json.loads("\n".join(lines)) == [{"a": left, 'b"c': right} for left, right in rows]


@given(st.text())
def test_a_cell_is_one_line_that_steers_no_terminal(text: str) -> None:
    cell = to_cell(text, widest=120)
    assert cell.isprintable()
    assert len(cell) <= 120


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (False, "false"),
        (1.5, "1.5"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02 03:04:05+00:00"),
        ({"a": [1, 2]}, '{"a": [1, 2]}'),
        (b"\x01", "AQ=="),
        ("\x1b[31mred", "\\x1b[31mred"),
    ],
)
def test_cells(value: object, expected: str) -> None:
    assert to_cell(value) == expected
