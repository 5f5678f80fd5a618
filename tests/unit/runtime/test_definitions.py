"""Named queries find their way into the statements that read them, and no others."""

from __future__ import annotations

import duckdb

from headwater.runtime.definitions import Definitions


def rows(query: str) -> list[tuple[int, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def diamond() -> Definitions:
    known = Definitions()
    known.add('"base"', "SELECT range AS x FROM range(4)", [])
    known.add('"left"', 'SELECT x + 1 AS x FROM "base"', ['"base"'])
    known.add('"right"', 'SELECT x * 10 AS x FROM "base"', ['"base"'])
    known.add('"both"', 'SELECT * FROM "left" UNION ALL SELECT * FROM "right"', ['"left"', '"right"'])
    return known


def test_a_query_brings_what_it_reads_directly_and_through_others_each_once() -> None:
    query = diamond().over(['"both"', '"left"'], 'SELECT sum(x) FROM (FROM "both" UNION ALL FROM "left")')
    assert rows(query) == [(10 + 60 + 10,)]


def test_a_query_that_reads_nothing_named_stays_as_it_is() -> None:
    assert diamond().over(['"table"'], 'SELECT * FROM "table"') == 'SELECT * FROM "table"'


def test_what_is_defined_anew_is_found_in_what_was_defined_before() -> None:
    known = diamond()
    known.take('"base"')
    assert '"base"' not in known
    known.add('"base"', 'SELECT x FROM "rows"', ['"rows"'])
    known.add('"rows"', "SELECT 7 AS x", [])
    assert rows(known.over(['"both"'], 'SELECT * FROM "both" ORDER BY x')) == [(8,), (70,)]


def test_a_chain_may_be_longer_than_the_stack() -> None:
    known = Definitions()
    known.add('"0"', "SELECT 0 AS x", [])
    for number in range(1, 3000):
        known.add(f'"{number}"', f'SELECT x FROM "{number - 1}"', [f'"{number - 1}"'])
    assert known.over(['"2999"'], 'SELECT x FROM "2999"').count(" AS NOT MATERIALIZED ") == 3000
