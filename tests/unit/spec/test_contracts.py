"""Contracts: every property of the standard is read, kept and written back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from headwater.errors import DeclarationErrors
from headwater.spec.contract import Budget, Contract, EventTime, Property, QualityRule, Reference
from headwater.spec.contracts import to_contracts
from headwater.spec.documents import Document, parse_document
from headwater.spec.misspelt import misspelt_types
from headwater.spec.odcs import official_schema
from headwater.spec.text import FileText
from headwater.spec.writing import to_yaml, write_contract, write_document
from headwater.types import DataType

FOLDER = Path(__file__).parents[2] / "golden" / "spec" / "contracts"
NAMES = sorted(path.name for path in FOLDER.iterdir())


def document(name: str) -> Document:
    return parse_document(FileText(name, (FOLDER / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_valid_and_written_back_byte_for_byte(name: str) -> None:
    found = document(name)
    to_contracts(found)
    assert write_document(found).encode() == (FOLDER / name).read_bytes()
    assert write_document(found, found.data) == found.file.text


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_rewritten_without_loss(name: str) -> None:
    """The rewritten text says the same to us, to readers of YAML 1.1, and keeps the order of keys."""
    found = document(name)
    text = to_yaml(found.data)
    assert parse_document(FileText(name, text)).data == found.data
    assert yaml.safe_load(text) == found.data
    assert list(yaml.safe_load(text)) == list(found.data) if isinstance(found.data, dict) else True


@pytest.mark.parametrize(
    ("physical", "meant"),
    [("bigintt", "BIGINT"), ("varchr(20)", "VARCHAR"), ("TIMESTMAP", "TIMESTAMP"), ("intger", "INTEGER")],
)
def test_a_physical_type_that_is_nearly_ours_is_told(physical: str, meant: str) -> None:
    (warning,) = misspelt_types(with_type(physical))
    assert warning == (
        f"c.yaml:7:35: the physicalType '{physical}' of 'id' is no type of headwater, so that only its logicalType "
        f"counts; did you mean {meant}?"
    )


@pytest.mark.parametrize(
    "physical", ["bigint", "int8", "text", "varchar(20)", "NUMBER(38,0)", "VARCHAR2(9)", "geography"]
)
def test_a_physical_type_of_ours_or_of_another_system_is_none(physical: str) -> None:
    assert list(misspelt_types(with_type(physical))) == []


def with_type(physical: str) -> Contract:
    text = (
        "apiVersion: v3.2.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n"
        f"schema:\n  - {{name: t, properties: [{{name: id, physicalType: '{physical}', logicalType: integer}}]}}\n"
    )
    (contract,) = to_contracts(parse_document(FileText("c.yaml", text)))
    return contract


def test_the_examples_use_every_property_of_the_standard() -> None:
    used: set[tuple[int, str]] = set()
    for name in NAMES:
        _mark(official_schema(), document(name).data, used)
    unused = sorted(place for place, key in _all_properties() if key not in used)
    assert unused == []


def _resolve(schema: Any) -> Any:
    while isinstance(schema, Mapping) and "$ref" in schema and len(schema.keys() - {"description"}) == 1:
        target: Any = official_schema()
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[step]
        schema = target
    return schema


def _branches(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "$ref" in schema:
        yield {"$ref": schema["$ref"]}
    for key in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(key, ())


def _mark(schema: Any, value: Any, used: set[tuple[int, str]]) -> None:
    """Note every ``properties`` entry of the standard that a value falls under."""
    schema = _resolve(schema)
    if not isinstance(schema, Mapping):
        return
    for branch in _branches(schema):
        if _holds(branch, value):
            _mark(branch, value, used)
    if "if" in schema and _holds(schema["if"], value):
        _mark(schema["then"], value, used)
    if isinstance(value, Mapping):
        for key in value.keys() & schema.get("properties", {}).keys():
            used.add((id(schema["properties"]), key))
            _mark(schema["properties"][key], value[key], used)
    if isinstance(value, list) and "items" in schema:
        for item in value:
            _mark(schema["items"], item, used)


def _holds(schema: Any, value: Any) -> bool:
    return Draft201909Validator(official_schema()).evolve(schema=schema).is_valid(value)


def _all_properties() -> Iterator[tuple[str, tuple[int, str]]]:
    pending: list[tuple[str, Any]] = [("", official_schema())]
    seen: set[int] = set()
    while pending:
        place, schema = pending.pop()
        schema = _resolve(schema)
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        for key, child in schema.get("properties", {}).items():
            yield f"{place}.{key}", (id(schema["properties"]), key)
            pending.append((f"{place}.{key}", child))
        pending.extend((place, branch) for branch in _branches(schema))
        pending.extend((place, schema[key]) for key in ("then", "items") if key in schema)


def test_the_event_time_budget_and_references_of_headwater_are_read() -> None:
    (contract,) = to_contracts(document("headwater_extensions.odcs.yaml"))
    assert contract.budget == Budget(rows=100, percent=0.5)
    assert contract.event_time is not None
    assert without_places(contract).event_time == EventTime(
        "placed_at", timedelta(minutes=10), "drop", timedelta(minutes=1), timedelta(days=1, hours=12)
    )
    assert without_places(contract).references == (Reference(("customer_id",), "crm.customers", ("id",)),)


HEAD = """\
apiVersion: v3.2.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
{objects}
customProperties:
  - {{property: budget, vendor: headwater, value: {{rows: 7}}}}
  - property: references
    vendor: headwater
    value: [{{columns: [id], to: crm.customers, toColumns: [id]}}]
"""


def test_entries_at_the_head_of_a_contract_hold_for_its_object() -> None:
    text = HEAD.format(objects="  - {name: orders, properties: [{name: id, logicalType: integer}]}")
    (contract,) = to_contracts(parse_document(FileText("x.odcs.yaml", text)))
    assert contract.budget == Budget(rows=7)
    assert without_places(contract).references == (Reference(("id",), "crm.customers", ("id",)),)


def test_relationships_by_name_become_references() -> None:
    orders, *_ = to_contracts(document("relationships_by_name.odcs.yaml"))
    assert without_places(orders).references == (
        Reference(("customer_id",), "customers", ("id",)),
        Reference(("shop", "till"), "shops", ("shop", "till")),
        Reference(("customer_id",), "customers", ("id",)),
    )


def test_relationships_by_id_become_references() -> None:
    orders, _ = to_contracts(document("relationships_by_id.odcs.yaml"))
    assert without_places(orders).references == (Reference(("customer_id",), "customers", ("id",)),)


@pytest.mark.parametrize(
    "name", [f"{name}.odcs.yaml" for name in ("integers", "numbers", "times", "nested", "physical_types", "minimal")]
)
def test_properties_stand_for_column_types(name: str, golden: Callable[[str, str], None]) -> None:
    lines = [
        f"{contract.relation}.{column.name}: {column.type}"
        for contract in to_contracts(document(name))
        for column in contract.properties
    ]
    golden(f"spec/types/{name.removesuffix('.odcs.yaml')}.txt", "\n".join([*lines, ""]))


def test_measures_and_dimensions_are_no_columns_and_physical_names_win() -> None:
    contract, _ = to_contracts(document("property_everything.odcs.yaml"))
    assert [column.name for column in contract.properties] == ["cust_email"]
    assert contract.references[0].columns == ("cust_email",)


def test_rules_keep_their_operator_unit_severity_and_column() -> None:
    (contract,) = to_contracts(document("quality_library.odcs.yaml"))
    assert [(rule.operator, rule.threshold) for rule in contract.rules[6:]] == [
        ("mustBeBetween", [1, 10]),
        ("mustNotBeBetween", [5, 6]),
        ("mustBeLessThan", 1),
    ]
    assert (contract.rules[8].unit, contract.rules[8].severity) == ("percent", "warning")
    assert [rule.metric for rule in contract.properties[0].rules] == [
        "nullValues",
        "missingValues",
        "invalidValues",
        "duplicateValues",
    ]
    assert contract.properties[0].rules[1].arguments == {"missingValues": [None, "", "N/A"]}
    assert {rule.column for rule in contract.properties[0].rules} == {"id"}


def test_a_contract_built_from_values_reads_back_to_the_same_values() -> None:
    built = Contract(
        id="orders",
        version="1.0.0",
        relation="orders",
        path="orders.odcs.yaml",
        status="draft",
        properties=(
            Property("id", "integer", DataType.parse("bigint"), required=True, unique=True, primary_key_position=1),
            Property(
                "state",
                "string",
                DataType.parse("varchar"),
                options={"maxLength": 0},
                enum=("new", 7, None, True),
                rules=(QualityRule("library", metric="nullValues", operator="mustBe", threshold=0, column="state"),),
                description="it's: # fine",
                classification="public",
            ),
            Property("at", "timestamp", DataType.parse("timestamptz")),
            Property(
                "tags",
                "array",
                DataType.parse("varchar[]"),
                items=Property("tags", "string", DataType.parse("varchar"), options={"minLength": 1}),
            ),
        ),
        rules=(QualityRule("sql", query="SELECT 1\nFROM orders", operator="mustBe", threshold=1, severity="warning"),),
        references=(Reference(("id",), "crm.customers", ("id",)),),
        budget=Budget(rows=0),
        event_time=EventTime("at", timedelta(0), late="drop", idle=timedelta(seconds=1.5)),
    )
    text = write_contract(built)
    (read,) = to_contracts(parse_document(FileText("orders.odcs.yaml", text)))
    assert without_places(read) == built
    assert write_contract(read) == text


def test_all_errors_of_a_file_come_in_the_order_of_the_file() -> None:
    text = "apiVersion: v3.2.0\nkind: Data\nversion: 1\nid: x\nschema: [{nme: a}, {name: 3}]\n"
    with pytest.raises(DeclarationErrors) as found:
        to_contracts(parse_document(FileText("x.odcs.yaml", text)))
    assert [str(error.where) for error in found.value.errors] == [
        "x.odcs.yaml:2:7",
        "x.odcs.yaml:3:10",
        "x.odcs.yaml:5:10",
        "x.odcs.yaml:5:11",
        "x.odcs.yaml:5:27",
    ]


def test_one_mistake_among_thousands_of_columns_is_found_quickly() -> None:
    columns = "".join(f"      - {{name: c{number}, logicalType: integer}}\n" for number in range(5000))
    text = "apiVersion: v3.2.0\nkind: DataContract\nversion: '1'\nid: x\nschema:\n  - name: wide\n    properties:\n"
    document = parse_document(FileText("x.odcs.yaml", text + columns + "      - {name: last, logicaltype: integer}\n"))
    started = time.process_time()
    with pytest.raises(DeclarationErrors) as found:
        to_contracts(document)
    assert time.process_time() - started < 5
    assert [error.message for error in found.value.errors] == [
        "'logicalType' is missing in schema[0].properties[5000]",
        "unknown key 'logicaltype' in schema[0].properties[5000]",
    ]


def without_places(contract: Contract) -> Contract:
    """The contract as if it had been built, not read: no places, no document."""
    return _placeless(contract, document={})


def _placeless(value: Any, **changes: Any) -> Any:
    from dataclasses import fields, is_dataclass, replace

    if isinstance(value, tuple):
        return tuple(_placeless(item) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    found = {field.name: _placeless(getattr(value, field.name)) for field in fields(value) if field.name != "where"}
    places = {"where": None} if any(field.name == "where" for field in fields(value)) else {}
    return replace(value, **{**found, **places, **changes})
