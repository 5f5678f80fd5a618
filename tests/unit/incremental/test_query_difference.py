"""What changed in a query is said by its parts."""

from __future__ import annotations

import pytest

from headwater.incremental.query_difference import describe_difference

base = "SELECT t.a, t.b + 1 AS c FROM t WHERE t.a > 1"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("SELECT t.a, t.b + 1 AS c FROM t WHERE t.a > 2", ("filter changed",)),
        ("SELECT t.a, t.b + 1 AS c FROM t", ("filter removed",)),
        ("SELECT t.a, t.b + 2 AS c FROM t WHERE t.a > 1", ("column c computed otherwise",)),
        ("SELECT t.a, t.b + 1 AS c FROM t JOIN u ON u.a = t.a WHERE t.a > 1", ("what it reads changed",)),
        ("SELECT DISTINCT t.a, t.b + 1 AS c FROM t WHERE t.a > 1", ("DISTINCT added",)),
        ("SELECT t.a, t.b + 1 AS c FROM t WHERE t.a > 1 LIMIT 3", ("limit added",)),
        ("WITH q AS (SELECT 1) SELECT t.a, t.b + 1 AS c FROM t WHERE t.a > 1", ("q added",)),
        ("SELECT t.a, t.b FROM t UNION ALL SELECT 1, 2", ("query changed",)),
        ("not ) sql", ("query changed",)),
    ],
)
def test_the_parts_that_changed(new: str, expected: tuple[str, ...]) -> None:
    assert describe_difference(base, new) == expected


def test_blocks_are_compared_by_name() -> None:
    old = "WITH q AS (SELECT a FROM t WHERE a > 1) SELECT a FROM q"
    new = "WITH q AS (SELECT a FROM t WHERE a > 2) SELECT a FROM q"
    assert describe_difference(old, new) == ("q: filter changed",)
