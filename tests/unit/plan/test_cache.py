"""A second plan asks nothing again, an edit asks only what follows from it, and entries lose nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Location
from headwater.incremental.program import Block, BlockKind, ChangeMode, Input, Program
from headwater.plan.codec import (
    Reading,
    Understood,
    from_judgement,
    from_readings,
    from_understood,
    to_judgement,
    to_readings,
    to_understood,
)
from headwater.quality.checks import DatasetCheck, Judgement, KeyCheck, ReferenceCheck, RowCheck, Unjudged
from headwater.relations import Statement
from headwater.spec.contract import Budget
from headwater.sql.analysis import Analysis, ColumnLineage, ColumnReference, QueryWarning
from headwater.types import Column, DataType, RelationName, Schema


def test_a_second_plan_is_equal_and_asks_nothing(plan_files: Any, shop: dict[str, str]) -> None:
    first = plan_files(shop)
    asked, missed = plan_files.binds, plan_files.cache.missed
    assert plan_files(shop) == first
    assert (plan_files.binds, plan_files.cache.missed) == (asked, missed)


def test_an_edit_that_keeps_the_columns_types_one_query(plan_files: Any, shop: dict[str, str]) -> None:
    plan_files(shop)
    asked = plan_files.binds
    shop["sales/orders.sql"] = shop["sales/orders.sql"].replace("id IS NOT NULL", "id > 0")
    plan_files(shop)
    assert plan_files.binds == asked + 1


def test_an_edit_that_changes_a_type_types_its_readers_again(plan_files: Any, shop: dict[str, str]) -> None:
    plan_files(shop)
    asked = plan_files.binds
    shop["sales/orders.sql"] = shop["sales/orders.sql"].replace("amount", "amount::double AS amount")
    plan_files(shop)
    queries, aggregates_with_their_arguments = 3, 1
    assert plan_files.binds == asked + queries + aggregates_with_their_arguments


def test_warnings_move_with_their_query(plan_files: Any, shop: dict[str, str]) -> None:
    query = "SELECT id\nFROM orders\nLIMIT 2\n"
    shop["sales/open_orders.sql"] = query
    plain = plan_files(shop)
    shop["sales/open_orders.sql"] = f"MODEL (name open_orders);\n\n{query}"
    moved = plan_files(shop)
    assert [str(where) for where in _warned(plain)] == ["sales/open_orders.sql:1:8"]
    assert [str(where) for where in _warned(moved)] == ["sales/open_orders.sql:3:8"]


def _warned(plan: Any) -> list[Location]:
    return [
        warning.where for product in plan.products for model in product.models for warning in model.analysis.warnings
    ]


def test_a_rule_told_in_other_words_is_told_so(plan_files: Any, shop: dict[str, str]) -> None:
    contract = (
        "apiVersion: v3.2.0\nkind: DataContract\nid: orders\nname: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
        "  - name: orders\n    logicalType: object\n    quality:\n"
        "      - {type: library, metric: rowCount, mustBeGreaterThan: 0, description: %s}\n"
    )
    told = []
    for description in ("some rows", "at least one row"):
        shop["sales/orders.odcs.yaml"] = contract % description
        judgement = plan_files(shop).products[0].models[0].judgement
        told += [check.description for check in judgement.checks]
    assert told == ["some rows", "at least one row"]


words = st.text(max_size=8)
names = st.builds(RelationName, st.sampled_from(["p", "q"]), st.sampled_from(["a", "b", "c"]))
types = st.sampled_from(
    ["INTEGER", "DECIMAL(9,2)", "STRUCT(a INTEGER, b VARCHAR[])", "MAP(VARCHAR, DATE)", "INTEGER[3]"]
)
references = st.builds(ColumnReference, names, words)
schemas = st.lists(st.builds(Column, words, types.map(DataType.parse), st.booleans()), max_size=4).map(
    lambda columns: Schema(tuple(columns))
)


def tuples(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


statements = tuples(st.builds(Statement, words, words))
checks = st.one_of(
    st.builds(RowCheck, words, words, words),
    st.builds(KeyCheck, words, tuples(words), words),
    st.builds(ReferenceCheck, words, tuples(words), names, tuples(words), words),
    st.builds(
        DatasetCheck,
        words,
        words,
        words,
        st.one_of(st.integers(), st.floats(allow_nan=False), st.lists(st.integers(), max_size=2)),
        st.sampled_from(["error", "warning", "info"]),
        words,
        st.one_of(st.none(), words),
        st.one_of(st.none(), tuples(words)),
    ),
)
judgements = st.builds(
    Judgement,
    words,
    words,
    tuples(checks),
    st.builds(Budget, st.one_of(st.none(), st.integers()), st.one_of(st.none(), st.floats(0, 100))),
    tuples(st.builds(Unjudged, words, words)),
)
analyses = st.builds(
    Analysis,
    words,
    words,
    schemas,
    tuples(names),
    tuples(st.builds(ColumnLineage, words, tuples(references), tuples(references), words)),
    tuples(
        st.builds(
            QueryWarning, words, words, st.builds(Location, st.just("m.sql"), st.integers(4, 9), st.integers(1, 9))
        )
    ),
)
programs = st.builds(
    Program,
    names,
    st.sampled_from(list(BlockKind)),
    st.sampled_from(list(ChangeMode)),
    tuples(st.builds(Input, names, st.sampled_from(["change", "history"]))),
    statements,
    statements,
    tuples(st.builds(Block, words, st.sampled_from(list(BlockKind)), words, st.one_of(st.none(), words))),
)


@given(st.builds(Understood, analyses, programs, st.one_of(st.none(), judgements)))
def test_what_is_understood_survives_its_entry(understood: Understood) -> None:
    assert to_understood(from_understood(understood, 4), "m.sql", 4) == understood


@given(judgements)
def test_a_judgement_survives_its_entry(judgement: Judgement) -> None:
    assert to_judgement(from_judgement(judgement)) == judgement


@given(tuples(st.builds(Reading, tuples(words), st.integers(0, 9), st.integers(1, 9))))
def test_readings_survive_their_entry(readings: tuple[Reading, ...]) -> None:
    assert to_readings(from_readings(readings)) == readings
