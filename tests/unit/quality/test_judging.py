"""Accepted and refused rows equal those of a plain judge, wherever epochs are cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.quality import Judgement, KeyCheck, ReferenceCheck, RowCheck, compile_judgement, judge
from headwater.relations import relation
from headwater.spec.contract import Budget, Contract, Property, QualityRule, Reference
from headwater.types import RelationName, Schema

COLUMNS = {"id": "integer", "code": "varchar", "amount": "integer"}
NAME = RelationName("shop", "orders")
COUNTRIES = RelationName("geo", "countries")
foreign = {"geo.countries": ({"code": "varchar"}, [("a",), ("b",), (None,)])}


def contract(*properties: Property, **more: Any) -> Contract:
    return Contract("orders", "1.2.0", "orders", "orders.odcs.yaml", properties, **more)


def compiled(*properties: Property, columns: dict[str, str] | None = None, **more: Any) -> Judgement:
    return compile_judgement(contract(*properties, **more), NAME, Schema.of(columns or COLUMNS))


full = compiled(
    Property("id", required=True, unique=True),
    Property("code", unique=True, enum=("a", "b", "c", None)),
    Property("amount", options={"minimum": 0, "maximum": 5}),
    references=(Reference(("code",), "geo.countries", ("code",)),),
)


def plain_judge(rows: Sequence[tuple[Any, ...]], *, keys: Sequence[tuple[int, ...]]) -> tuple[list[Any], list[Any]]:
    """The meaning of the ``full`` contract in Python: rows in provenance order, first come, first served."""
    taken: list[set[Any]] = [set() for _ in keys]
    accepted, refused = [], []
    for row in rows:
        key, code, amount, *_ = row
        codes = []
        if key is None:
            codes.append("required:id")
        if code is not None and code not in ("a", "b", "c"):
            codes.append("enum:code")
        if amount is not None and amount < 0:
            codes.append("minimum:amount")
        if amount is not None and amount > 5:
            codes.append("maximum:amount")
        if code is not None and code not in ("a", "b"):
            codes.append("reference:code->geo.countries.code")
        if not codes:
            values = [tuple(row[at] for at in key) for key in keys]
            held = [None not in value and value in known for value, known in zip(values, taken, strict=True)]
            codes = [code for code, hit in zip(("unique:id", "unique:code"), held, strict=False) if hit]
            if not codes:
                for value, known in zip(values, taken, strict=True):
                    known.add(value)
        (refused if codes else accepted).append((*row[:3], tuple(codes)))
    return accepted, refused


row = st.tuples(
    st.one_of(st.none(), st.integers(0, 6)),
    st.one_of(st.none(), st.sampled_from(["a", "b", "c", "x"])),
    st.one_of(st.none(), st.integers(-1, 6)),
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_provenance(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*values, f"file{at // 7}", at % 7 + 1) for at, values in enumerate(rows)]


def order(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


@quick
@given(rows=st.lists(row, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=4), shuffle=st.randoms())
def test_any_split_into_epochs_equals_the_plain_judge(product: Any, rows: Any, cuts: Any, shuffle: Any) -> None:
    rows = with_provenance(rows)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    chunks = [rows[start:end] for start, end in itertools.pairwise(bounds)]
    for chunk in chunks:
        shuffle.shuffle(chunk)
    judged = product(COLUMNS, full, foreign).epochs(*chunks)
    accepted, refused = plain_judge(rows, keys=[(0,), (1,)])
    assert order(judged.published) == order([found[:3] for found in accepted])
    found = [(*json.loads(bad["row"]).values(), tuple(bad["codes"])) for bad in judged.quarantine]
    assert order(found) == order(refused)
    assert judged.counts.balanced
    assert judged.counts.read == len(rows)
    assert len({bad["quarantine_id"] for bad in judged.quarantine}) == len(refused)


overlapping = (("id", "code"), ("code", "amount"), ("amount",))


@quick
@given(rows=st.lists(row, max_size=40), cut=st.integers(0, 40))
def test_overlapping_keys_are_decided_in_the_order_of_origin(product: Any, rows: Any, cut: int) -> None:
    judgement = Judgement("c", "1", tuple(KeyCheck(f"k{n}", key, "") for n, key in enumerate(overlapping)), Budget())
    rows = with_provenance(rows)
    judged = product(COLUMNS, judgement).epochs(rows[:cut][::-1], rows[cut:])
    taken: dict[str, set[Any]] = {f"k{n}": set() for n in range(len(overlapping))}
    accepted, refused = [], []
    for values in rows:
        named = dict(zip(COLUMNS, values, strict=False))
        keys = {f"k{n}": tuple(named[column] for column in key) for n, key in enumerate(overlapping)}
        codes = [code for code, key in keys.items() if None not in key and key in taken[code]]
        if codes:
            refused.append((*values[:3], codes))
        else:
            accepted.append(values[:3])
            for code, key in keys.items():
                taken[code].add(key)
    assert order(judged.published) == order(accepted)
    assert order([(*json.loads(bad["row"]).values(), bad["codes"]) for bad in judged.quarantine]) == order(refused)


@quick
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.none()), max_size=20))
def test_equal_rows_without_origin_are_refused_one_by_one(product: Any, rows: Any) -> None:
    judgement = compiled(Property("id", unique=True))
    judged = product(COLUMNS, judgement).epochs([(*values, None, None) for values in rows], append=False)
    assert len(judged.published) == len({values[0] for values in rows})
    assert len({bad["quarantine_id"] for bad in judged.quarantine}) == len(rows) - len(judged.published)
    assert judged.counts.balanced


def test_a_chain_of_conflicts_over_two_keys_is_decided_first_come_first_served(product: Any) -> None:
    judgement = compiled(Property("id", unique=True), Property("amount", unique=True))
    rows = with_provenance([(at // 2, None, (at + 1) // 2) for at in range(40)])
    judged = product(COLUMNS, judgement).epochs(rows)
    assert sorted(judged.published) == [(at, None, at) for at in range(20)]
    assert {tuple(bad["codes"]) for bad in judged.quarantine} == {("unique:id",)}


def test_a_repeated_attempt_yields_the_same_ids(product: Any) -> None:
    rows = with_provenance([(None, "a", 1), (1, "x", 9), (2, "b", 2), (2, "b", 3)])
    first, second = (product(COLUMNS, full, foreign).epochs(rows) for _ in range(2))
    assert {bad["quarantine_id"] for bad in first.quarantine} == {bad["quarantine_id"] for bad in second.quarantine}
    assert [bad["codes"] for bad in first.quarantine if bad["offset"] == 2] == [
        ["enum:code", "maximum:amount", "reference:code->geo.countries.code"]
    ]


def test_the_quarantine_says_where_a_row_came_from_and_who_refused_it(product: Any) -> None:
    judged = product(COLUMNS, full, foreign).epochs(
        [(1, "x", 1, "orders.csv", 7)], malformed=[("1,b,zwölf", "malformed:amount", "not an integer", "orders.csv", 8)]
    )
    refused, malformed = sorted(judged.quarantine, key=lambda bad: bad["offset"])
    assert (refused["run"], refused["epoch"], refused["relation"]) == ("run-1", 1, "shop.orders")
    assert (refused["contract_version"], refused["source"], refused["raw"]) == ("1.2.0", "orders.csv", None)
    assert (malformed["raw"], malformed["codes"], malformed["message"], malformed["row"]) == (
        "1,b,zwölf",
        ["malformed:amount"],
        "not an integer",
        None,
    )
    assert judged.counts.balanced


def test_rows_without_a_contract_are_admitted_and_malformed_ones_kept(product: Any) -> None:
    judged = product(COLUMNS, None).epochs([(1, "a", 2, "f", 1)], malformed=[("?", "malformed", "no", "f", 2)])
    assert judged.published == [(1, "a", 2)]
    assert [bad["codes"] for bad in judged.quarantine] == [["malformed"]]


def test_nothing_to_refuse_is_no_statement() -> None:
    judging = judge(NAME, None, Schema.of(COLUMNS), history=True)
    assert (judging.work, judging.rejected, judging.datasets, judging.reads) == ((), None, (), ())
    assert judging.change.sql == judging.unrefused.sql.replace(
        '"candidate.shop.orders"', '"candidate.shop.orders" AS c WHERE TRUE'
    )


def test_row_checks_alone_need_no_work_and_no_history() -> None:
    judging = judge(NAME, compiled(Property("id", required=True)), Schema.of(COLUMNS), history=True)
    assert (judging.work, judging.reads) == ((), ())


def test_histories_are_named_with_the_columns_that_are_read() -> None:
    judging = judge(NAME, full, Schema.of(COLUMNS), history=True)
    assert [(str(use.relation), use.columns) for use in judging.reads] == [
        ("geo.countries", ("code",)),
        ("shop.orders", ("id", "code")),
    ]
    assert judge(NAME, full, Schema.of(COLUMNS), history=False).reads == judging.reads[:1]


def test_dataset_checks_see_history_and_the_rows_admitted_now(product: Any) -> None:
    judgement = compiled(
        Property("amount", rules=(QualityRule("library", metric="nullValues", operator="mustBe", threshold=1),)),
        Property("id", required=True),
        rules=(
            QualityRule("library", metric="rowCount", operator="mustBeBetween", threshold=[2, 3], severity="warning"),
            QualityRule("sql", query="SELECT sum(amount) FROM ${table};", operator="mustBeLessThan", threshold=10),
        ),
    )
    judged = product(COLUMNS, judgement)
    judged.epochs([(1, "a", None, "f", 1), (None, "a", 1, "f", 2)], [(2, "a", 9, "f", 3)], [(3, "b", 1, "f", 4)])
    assert [(found.check.code, found.value, found.passed, found.blocks) for found in judged.verdicts] == [
        ("nullValues:amount", 1, True, False),
        ("rowCount:1", 1, False, False),
        ("sql:2", None, False, True),
        ("nullValues:amount", 1, True, False),
        ("rowCount:1", 2, True, False),
        ("sql:2", 9, True, False),
        ("nullValues:amount", 1, True, False),
        ("rowCount:1", 3, True, False),
        ("sql:2", 10, False, True),
    ]


def test_a_reference_inside_one_relation_is_judged_on_the_whole(product: Any) -> None:
    judgement = compiled(references=(Reference(("amount",), "orders", ("id",)),))
    judged = product(COLUMNS, judgement)
    judged.epochs([(1, "a", None, "f", 1), (2, "a", 1, "f", 2)], [(3, "b", 9, "f", 3)])
    assert [(found.value, found.blocks) for found in judged.verdicts] == [(0, False), (1, True)]


def test_an_unlimited_budget_is_the_default() -> None:
    assert full.budget == Budget()


@pytest.mark.parametrize("kind", [RowCheck, KeyCheck, ReferenceCheck])
def test_every_sort_of_refusal_is_in_the_full_contract(kind: type) -> None:
    assert any(isinstance(check, kind) for check in full.checks)


def test_columns_may_have_the_names_of_the_quarantine(product: Any) -> None:
    columns = {
        "source": "varchar",
        "offset": "integer",
        "row": "integer",
        "codes": "varchar",
        "run": "varchar",
        "c": "integer",
    }
    judgement = compiled(Property("row", options={"minimum": 0}), Property("c", unique=True), columns=columns)
    judged = product(columns, judgement)
    judged.epochs(
        [("s", 7, -1, "x", "r", 1, "file", 3), ("s", 8, 1, "y", "r", 1, "file", 4), ("s", 9, 1, "z", "r", 1, "file", 5)]
    )
    assert judged.published == [("s", 8, 1, "y", "r", 1)]
    judged.quarantine.sort(key=lambda bad: bad["offset"])
    assert [(bad["source"], bad["offset"], bad["codes"]) for bad in judged.quarantine] == [
        ("file", 3, ["minimum:row"]),
        ("file", 5, ["unique:c"]),
    ]
    assert json.loads(judged.quarantine[0]["row"]) == {
        "source": "s",
        "offset": 7,
        "row": -1,
        "codes": "x",
        "run": "r",
        "c": 1,
    }


def test_names_that_need_quoting_are_quoted(product: Any) -> None:
    columns = {'we"ird': "integer", "select": "varchar", "c": "integer"}
    judgement = compiled(
        Property('we"ird', unique=True, required=True),
        Property("select", enum=("it's", "ok"), options={"minLength": 2}),
        Property("c", unique=True),
        columns=columns,
    )
    judged = product(columns, judgement)
    judged.epochs([(1, "it's", 1, "f", 1), (1, "ok", 2, "f", 2)], [(None, "x", 1, "f", 3), (5, "ok", 1, "f", 4)])
    assert judged.published == [(1, "it's", 1)]
    assert sorted(tuple(bad["codes"]) for bad in judged.quarantine) == [
        ('required:we"ird', "enum:select", "minLength:select"),
        ("unique:c",),
        ('unique:we"ird',),
    ]
    assert relation("candidate", NAME) == '"candidate.shop.orders"'
