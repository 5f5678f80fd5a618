"""The published JSON Schemas are valid, describe every field, and agree with the readers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from headwater.spec.published import packaged_schemas, published_schemas

ROOT = Path(__file__).parents[3]
SCHEMAS = {name: json.loads(text) for name, text in published_schemas().items()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_a_schema_and_up_to_date(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert (ROOT / "schemas" / name).read_text(encoding="utf-8") == published_schemas()[name]


def test_the_packaged_schemas_are_up_to_date() -> None:
    folder = ROOT / "src/headwater/spec/schemas"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == dict(packaged_schemas())


def fields(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for child in schema.values():
            yield from fields(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from fields(child)


@pytest.mark.parametrize("name", ["headwater.json", "sources.json"])
def test_every_field_is_described(name: str) -> None:
    assert [field for field, schema in fields(SCHEMAS[name]) if "description" not in schema] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*/headwater.yaml")), ids=lambda path: path.parent.name
)
def test_the_examples_conform(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMAS["headwater.json"])
    for sources in sorted(path.parent.glob("*/sources.yaml")):
        jsonschema.validate(yaml.safe_load(sources.read_text(encoding="utf-8")), SCHEMAS["sources.json"])


def test_the_custom_properties_of_the_example_contract_conform() -> None:
    path = ROOT / "tests/golden/spec/contracts/headwater_extensions.odcs.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = [*document["customProperties"], *document["schema"][0]["customProperties"]]
    ours = [entry for entry in entries if entry["vendor"] == "headwater"]
    assert len(ours) == 3
    for entry in ours:
        jsonschema.validate(entry, SCHEMAS["custom-properties.json"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**ours[0], "value": {"row": 1}}, SCHEMAS["custom-properties.json"])
