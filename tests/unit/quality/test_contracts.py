"""Contracts against relations, against older versions of themselves, and from data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from headwater.errors import DeclarationErrors, Location
from headwater.quality import ColumnStatistics, ContractChange, agree, compile_judgement, diff, infer_contract
from headwater.quality.widening import holds
from headwater.spec.contract import Budget, Contract, EventTime, Property, QualityRule, Reference
from headwater.sql.analysis import ColumnReference
from headwater.types import DataType, RelationName, Schema

NAME = RelationName("shop", "orders")


def typed(name: str, type: str, **more: Any) -> Property:
    return Property(name, type=DataType.parse(type), **more)


def contract(*properties: Property, **more: Any) -> Contract:
    return Contract("orders", "1.0.0", "orders", "shop/orders.odcs.yaml", properties, **more)


def test_disagreements_are_located_and_teach(golden: Any) -> None:
    at = Location("shop/orders.odcs.yaml", 12, 9, "      - name: amuont")
    physical = {"schema": [{"name": "orders", "properties": [{"name": "day", "physicalType": "DATE"}]}]}
    promised = contract(
        typed("id", "bigint", logical_type="integer"),
        typed("amuont", "double", where=at),
        typed("day", "date", logical_type="date"),
        typed("name", "varchar", logical_type="string"),
        Property("anything"),
        document=physical,
        where=Location("shop/orders.odcs.yaml", 4, 3, "  - name: orders"),
    )
    found = agree(
        promised,
        Schema.of(
            {
                "ID": "smallint",
                "amount": "double",
                "day": "timestamp",
                "name": "integer",
                "anything": "blob",
                "extra": "time",
            }
        ),
    )
    golden("quality/disagreements.txt", "\n\n".join(map(str, found)) + "\n")


def test_a_contract_without_properties_agrees_with_all() -> None:
    assert agree(contract(), Schema.of({"a": "integer"})) == []


def test_only_a_physical_type_must_be_exact() -> None:
    loose = contract(typed("a", "double", logical_type="number"))
    exact = replace(
        loose, document={"schema": [{"name": "orders", "properties": [{"name": "a", "physicalType": "DOUBLE"}]}]}
    )
    decimal = Schema.of({"a": "decimal(9,2)"})
    assert (agree(loose, decimal), len(agree(exact, decimal))) == ([], 1)


rule = QualityRule("library", metric="rowCount", operator="mustBeGreaterThan", threshold=0)
base = contract(
    typed("id", "integer", required=True, primary_key_position=1),
    typed("state", "varchar", enum=("new", "paid"), options={"maxLength": 10, "pattern": "^[a-z]+$"}),
    typed("amount", "decimal(9,2)", options={"minimum": 0}, unique=True, rules=(rule,)),
    typed("address", "struct(city varchar)", properties=(typed("city", "varchar", required=True),)),
    rules=(rule,),
    references=(Reference(("state",), "ref.states", ("code",)),),
    budget=Budget(percent=1.0),
    event_time=EventTime("id", timedelta(minutes=10)),
)


def changed(name: str, **more: Any) -> Contract:
    properties = tuple(replace(entry, **more) if entry.name == name else entry for entry in base.properties)
    return replace(base, properties=properties)


changes: dict[str, tuple[Contract, list[str]]] = {
    "nothing": (base, []),
    "column removed": (replace(base, properties=base.properties[:3]), ["breaking"]),
    "column added": (replace(base, properties=(*base.properties, typed("x", "date"))), ["additive"]),
    "type widened": (changed("id", type=DataType("BIGINT")), ["additive"]),
    "type narrowed": (changed("id", type=DataType("SMALLINT")), ["breaking"]),
    "type replaced": (changed("id", type=DataType("VARCHAR")), ["breaking"]),
    "required dropped": (changed("id", required=False), ["breaking"]),
    "required added": (changed("state", required=True), ["additive"]),
    "unique dropped": (changed("amount", unique=False), ["breaking"]),
    "unique added": (changed("state", unique=True), ["additive"]),
    "enum extended": (changed("state", enum=("new", "paid", "lost")), ["breaking"]),
    "enum narrowed": (changed("state", enum=("new",)), ["additive"]),
    "enum exchanged": (changed("state", enum=("new", "lost")), ["breaking", "additive"]),
    "enum dropped": (changed("state", enum=()), ["breaking"]),
    "options loosened": (changed("state", options={"maxLength": 20}), ["breaking", "breaking"]),
    "options tightened": (
        changed("state", options={"maxLength": 5, "pattern": "^[a-z]+$", "minLength": 1}),
        ["additive"] * 2,
    ),
    "pattern replaced": (changed("state", options={"maxLength": 10, "pattern": "^[A-Z]+$"}), ["breaking"]),
    "minimum lowered": (changed("amount", options={"minimum": -1}), ["breaking"]),
    "minimum raised": (changed("amount", options={"minimum": 1}), ["additive"]),
    "member removed": (changed("address", properties=()), ["breaking"]),
    "member loosened": (changed("address", properties=(typed("city", "varchar"),)), ["breaking"]),
    "rules of a column": (changed("amount", rules=()), ["breaking"]),
    "rule tightened": (replace(base, rules=(replace(rule, threshold=5),)), ["additive"]),
    "rule loosened": (replace(base, rules=(replace(rule, threshold=-1),)), ["breaking"]),
    "rule only warns": (replace(base, rules=(replace(rule, severity="warning"),)), ["breaking"]),
    "rule replaced": (replace(base, rules=(replace(rule, operator="mustBe"),)), ["breaking", "additive"]),
    "key extended": (changed("state", primary_key_position=2), ["breaking"]),
    "key dropped": (changed("id", primary_key_position=None), ["breaking"]),
    "reference dropped": (replace(base, references=()), ["breaking"]),
    "budget raised": (replace(base, budget=None), ["additive"]),
    "event time moved": (replace(base, event_time=EventTime("amount", timedelta(minutes=10))), ["breaking"]),
    "event time dropped": (replace(base, event_time=None), ["breaking"]),
    "watermark shortened": (replace(base, event_time=EventTime("id", timedelta(minutes=1))), ["breaking"]),
    "watermark prolonged": (replace(base, event_time=EventTime("id", timedelta(minutes=30))), ["additive"]),
    "words": (replace(changed("id", description="the number"), version="1.0.1", status="active"), ["cosmetic"] * 3),
    "relation renamed": (replace(base, relation="sales"), ["breaking"]),
}


@pytest.mark.parametrize("what", changes)
def test_a_change_is_classed(what: str) -> None:
    new, severities = changes[what]
    assert [change.severity for change in diff(base, new)] == severities


def test_changes_read_as_sentences(golden: Any) -> None:
    lines = []
    for what, (new, _) in changes.items():
        lines.append(f"# {what}")
        lines += [f"{c.severity}: {c.column or '(relation)'}: {c.what}: {c.reason}" for c in diff(base, new)]
    golden("quality/changes.txt", "\n".join(lines) + "\n")


def test_known_consumers_of_what_breaks_are_named() -> None:
    revenue = ColumnReference(RelationName("finance", "revenue"), "total")
    city = ColumnReference(RelationName("crm", "cities"), "name")
    consumers: dict[str, Sequence[ColumnReference]] = {"Amount": (revenue,), "address": (city, revenue)}
    new = replace(changed("amount", unique=False), relation="sales")
    found = diff(base, new, consumers)
    assert found[0] == ContractChange(
        "breaking", "amount", "no longer unique", "joins on it may multiply rows", affects=(revenue,)
    )
    assert found[1].affects == (city, revenue)
    assert diff(base, changed("address", properties=()), consumers)[0].affects == (city, revenue)


names = [
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
]
limits = {
    name: (0 if name[0] == "U" else -(2 ** (bits - 1)), 2 ** (bits - (name[0] != "U")) - 1)
    for name, bits in zip(names, [8, 16, 32, 64, 128] * 2, strict=True)
}
types = st.sampled_from(
    [
        *names,
        "DOUBLE",
        "FLOAT",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "VARCHAR",
        "DECIMAL(9,2)",
        "DECIMAL(10,2)",
        "DECIMAL(38,0)",
    ]
).map(DataType.parse)


@pytest.mark.parametrize("narrow", names)
@pytest.mark.parametrize("wide", names)
def test_integers_hold_each_other_by_their_ranges(wide: str, narrow: str) -> None:
    fits = limits[wide][0] <= limits[narrow][0] and limits[narrow][1] <= limits[wide][1]
    assert holds(DataType(wide), DataType(narrow)) is fits


@settings(max_examples=200, deadline=None)
@given(types, types, types)
def test_holding_is_an_order(a: DataType, b: DataType, c: DataType) -> None:
    assert holds(a, a)
    assert not (holds(a, b) and holds(b, a)) or a == b
    assert not (holds(a, b) and holds(b, c)) or holds(a, c)


def inferred() -> dict[str, Any]:
    schema = Schema.of(
        {
            "id": "bigint",
            "origin": "varchar",
            "tail": "varchar",
            "at": "timestamptz",
            "stops": "struct(city varchar, minutes integer)[]",
            "names": "map(varchar, decimal(5,2))",
        }
    )
    statistics = {
        "origin": ColumnStatistics(1000, 0, 3, values=("JFK", "EWR", "LGA")),
        "tail": ColumnStatistics(1000, 5, 900),
        "at": ColumnStatistics(0, 0, 0),
    }
    return infer_contract(
        schema,
        id="shop-orders",
        relation=NAME,
        grain=("id", "at"),
        description="Orders.",
        descriptions={"Tail": "The tail."},
        statistics=statistics,
    )


def test_an_inferred_contract(golden: Any) -> None:
    golden("quality/inferred.json", json.dumps(inferred(), indent=1) + "\n")


def test_the_inferred_contract_is_valid_odcs() -> None:
    standard = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    validator_for(standard)(standard).validate(inferred())


refused = [
    "COPY content TO 'x.csv'",
    "SELECT count(*) FROM read_csv('/etc/passwd')",
    "SELECT count(*) FROM content; DROP TABLE content",
    "SELECT count(*) FROM secrets",
    "SELECT random() FROM {object}",
    "SELECT count(*) FROM '/etc/passwd'",
    "SELECT {something} FROM {object}",
    "not sql",
]


@pytest.mark.parametrize("query", refused)
def test_sql_rules_pass_the_guard(query: str) -> None:
    unsafe = contract(rules=(QualityRule("sql", query=query, operator="mustBe", threshold=0),))
    with pytest.raises(DeclarationErrors):
        compile_judgement(unsafe, NAME, Schema.of({"a": "integer"}))


def test_a_sql_rule_may_name_its_relation_or_use_placeholders() -> None:
    queries = ("SELECT count(*) FROM orders WHERE a > 1", "SELECT count(*) FROM ${table} WHERE a > 1")
    rules = tuple(QualityRule("sql", query=query, operator="mustBe", threshold=0) for query in queries)
    found = compile_judgement(contract(rules=rules), NAME, Schema.of({"a": "integer"})).checks
    assert [check.code for check in found] == ["sql:1", "sql:2"]
