"""Keyed sources in a plan: what of a declaration does not fit, said with its place, and the program that keeps rows."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.errors import DeclarationErrors
from headwater.incremental.program import ChangeMode
from headwater.relations import Statement
from headwater.types import RelationName

PEOPLE = "{id: integer, name: varchar, seen: timestamp, gone: boolean}"
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: shop.people
name: people
version: 1.0.0
status: active
schema:
  - name: people
    logicalType: object
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: name, logicalType: string, required: true, unique: true}
      - {name: seen, logicalType: timestamp}
    customProperties:
      - {property: eventTime, vendor: headwater, value: {column: seen, watermark: PT1M}}
"""


def shop(changes: str, columns: str = PEOPLE) -> dict[str, str]:
    source = f"    path: p.ndjson\n    columns: {columns}\n    changes: {changes}\n"
    return {
        "headwater.yaml": "name: shop\n",
        "people/sources.yaml": f"sources:\n  people:\n{source}",
        "people/names.sql": "SELECT name FROM people\n",
    }


WRONG = {
    "no key": shop("{order: [seen]}"),
    "unknown columns": shop("{key: [ident, nam], order: [seem], delete: {column: gon}}"),
    "a deletion of envelopes": shop("{kind: debezium, key: [id], delete: {column: gone}}"),
    "an unknown member of envelopes": shop("{kind: debezium, key: [id], order: [source.ts]}"),
    "what a contract cannot ask of changes": {
        **shop("{}", PEOPLE.replace(", gone: boolean", "")),
        "people/people.odcs.yaml": CONTRACT,
    },
}


def test_messages(plan_files: Any, golden: Any) -> None:
    found = []
    for name, files in WRONG.items():
        with pytest.raises(DeclarationErrors) as caught:
            plan_files(files)
        found.append(f"== {name}\n{caught.value}\n")
    golden("plan/changes.txt", "\n".join(found))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("upsert", "{key: [id], order: [seen], delete: {column: gone}}"),
        ("values", "{key: [id, name], delete: {column: name, values: [gone, it's]}}"),
        ("debezium", "{kind: debezium, key: [ID], order: [ts_ms, source.lsn]}"),
    ],
)
def test_programs(name: str, changes: str, plan_files: Any, golden: Any) -> None:
    planned = plan_files(shop(changes))
    (step,) = planned.products[0].sources
    assert step.keyed is not None
    steps = [
        f"{each.creates}\n  {each.sql}" if isinstance(each, Statement) else str(each)
        for each in step.keyed.program.steps
    ]
    parts = [
        f"{step.keyed.key} {dict(step.keyed.required)}",
        step.keyed.query,
        *steps,
        step.keyed.program.content or "",
    ]
    golden(f"plan/changes.{name}.txt", "\n\n".join(parts) + "\n")
    (model,) = planned.products[0].models
    assert model.program.mode is ChangeMode.REPLACE
    assert {(read.relation, read.role) for read in model.program.inputs} == {
        (RelationName("people", "people"), "delta")
    }


def test_the_key_is_the_contract_s_when_none_is_declared(plan_files: Any) -> None:
    contract = CONTRACT.replace(", unique: true", "").partition("    customProperties:")[0]
    planned = plan_files({**shop("{}", PEOPLE.replace(", gone: boolean", "")), "people/people.odcs.yaml": contract})
    (step,) = planned.products[0].sources
    assert step.keyed is not None and step.keyed.key == ("id",)
    assert [check.code for check in step.judgement.checks] == ["required:id", "required:name"]
