"""Product descriptors: every key of the standard is read, kept and written back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.errors import DeclarationErrors
from headwater.spec.documents import Document, parse_document
from headwater.spec.odps import DataProductFile
from headwater.spec.products import to_product
from headwater.spec.text import FileText
from headwater.spec.writing import to_yaml, write_document

FOLDER = Path(__file__).parents[2] / "golden" / "spec" / "products"
NAMES = sorted(path.name for path in FOLDER.iterdir())


def document(name: str) -> Document:
    return parse_document(FileText(name, (FOLDER / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_valid_and_written_back_without_loss(name: str) -> None:
    found = document(name)
    assert to_product(found, "sales", "sales").descriptor == found.data
    assert write_document(found).encode() == (FOLDER / name).read_bytes()
    assert yaml.safe_load(to_yaml(found.data)) == found.data


def test_a_product_has_its_people_and_ports() -> None:
    found = to_product(document("everything.odps.yaml"), "sales", "domains/sales")
    assert (found.name, found.folder, found.owner) == ("sales", "domains/sales", "Sales data")
    assert (found.domain, found.purpose) == ("commerce", "Orders and what was in them.\n")
    assert [(port.name, port.version, port.contract_id) for port in found.input_ports] == [
        ("crm.customers", "2.0.0", "customers"),
        ("items", None, None),
    ]
    assert [(port.name, port.description) for port in found.output_ports] == [("orders", "One row an order")]
    assert str(found.output_ports[0].where) == "everything.odps.yaml:68:11"


def test_the_example_uses_every_key_of_the_model() -> None:
    data = document("everything.odps.yaml").data
    assert sorted(set(keys(DataProductFile.model_json_schema())) - set(used(data))) == []


def keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        for child in schema.values():
            yield from keys(child)


def used(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        yield from data
        for child in data.values():
            yield from used(child)
    elif isinstance(data, list):
        for child in data:
            yield from used(child)


def mappings(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(data, dict) and path[-1:] != ("value",):
        yield path
        for key, child in data.items():
            yield from mappings(child, (*path, key))
    elif isinstance(data, list) and path[-1:] != ("value",):
        for index, child in enumerate(data):
            yield from mappings(child, (*path, index))


@pytest.mark.parametrize("path", list(mappings(document("everything.odps.yaml").data)), ids=str)
def test_every_part_is_closed(path: tuple[Any, ...]) -> None:
    data: Any = document("everything.odps.yaml").data
    around = data
    for step in path:
        around = around[step]
    around["surplus"] = 1
    with pytest.raises(DeclarationErrors) as found:
        to_product(parse_document(FileText("x.odps.yaml", to_yaml(data))), "sales", "sales")
    (error,) = found.value.errors
    assert error.message.startswith("unknown key 'surplus'")
    assert error.where is not None
    assert error.where.excerpt is not None
    assert error.where.excerpt.strip().removeprefix("- ") == "surplus: 1"
