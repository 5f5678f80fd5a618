"""Whole workspaces: which folder makes a product, and what is joined to what."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import pytest

from headwater.spec import read_workspace
from headwater.spec.declarations import Connection, Lake, Workspace
from headwater.types import RelationName, Schema


def workspace(root: Path, **files: str) -> Workspace:
    write(root, {"headwater.yaml": "name: shop\n"} | files)
    return read_workspace(root)


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(textwrap.dedent(text), encoding="utf-8")


CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: total, logicalType: number, physicalType: "DECIMAL(12,2)"}
"""
PRODUCT = "apiVersion: v1.1.0\nkind: DataProduct\nid: sales\nstatus: active\n"


def test_a_workspace_of_one_source_and_one_model(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        **{
            "headwater.yaml": "name: shop\nsources: {orders: {path: orders.csv}}\n",
            "revenue.sql": "SELECT sum(total) AS total FROM orders",
        },
    )
    assert list(found.products) == ["shop"]
    assert (found.default_environment, found.environments["dev"].lake) == ("dev", Lake())
    source = found.sources[RelationName("shop", "orders")]
    assert (source.kind, source.options, source.bounded, source.schema) == (
        "files",
        {"path": "orders.csv"},
        False,
        None,
    )
    assert found.models[RelationName("shop", "revenue")].contract is None
    assert found.root == str(tmp_path)


def test_products_are_described_folders_and_top_folders(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        **{
            "domains/sales/product.odps.yaml": PRODUCT,
            "domains/sales/daily/a.sql": "SELECT 1",
            "fleet/deep/down/b.sql": "SELECT 1",
            "c.sql": "SELECT 1",
            "sales_data/data.csv": "x",
            ".hidden/d.sql": "SELECT 1",
            "other/headwater.yaml": "name: other",
            "other/e.sql": "SELECT 1",
            "fleet/tests/f.sql": "no query",
        },
    )
    assert sorted(map(str, found.models)) == ["fleet.b", "sales.a", "shop.c"]
    assert {name: product.folder for name, product in found.products.items()} == {
        "shop": "",
        "sales": "domains/sales",
        "fleet": "fleet",
    }
    assert found.products["fleet"].descriptor is None


def test_a_described_workspace_is_one_product(tmp_path: Path) -> None:
    found = workspace(tmp_path, **{"product.odps.yaml": PRODUCT, "models/a.sql": "SELECT 1"})
    assert list(map(str, found.models)) == ["shop.a"]


def test_contracts_belong_to_the_model_or_source_they_name(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        **{
            "headwater.yaml": """
                name: shop
                connections: {warehouse: {kind: postgres, url: "${env:URL}"}}
                sources:
                  orders: {kind: postgres, connection: warehouse, table: orders}
                  raw: {path: raw.csv, contract: more/raw.odcs.yaml, bounded: true}
                """,
            "orders.odcs.yaml": CONTRACT,
            "more/raw.odcs.yaml": CONTRACT.replace("id: orders", "id: raw"),
            "sales/orders.sql": "SELECT 1 AS id, 2 AS total",
            "sales/orders.odcs.yaml": CONTRACT.replace("id: orders", "id: sales-orders"),
        },
    )
    orders, raw = found.sources[RelationName("shop", "orders")], found.sources[RelationName("shop", "raw")]
    assert orders.connection == Connection("warehouse", "postgres", {"url": "${env:URL}"}, orders.connection.where)
    assert orders.contract is found.contracts["orders"]
    assert raw.contract is found.contracts["raw"]
    assert raw.bounded
    assert found.models[RelationName("sales", "orders")].contract is found.contracts["sales-orders"]
    assert orders.schema == Schema.of({"id": "bigint", "total": "decimal(12,2)"})


def test_the_columns_of_a_source_win_over_its_contract(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        **{
            "headwater.yaml": "name: shop\nsources: {orders: {path: a.csv, columns: {id: text}}}\n",
            "orders.odcs.yaml": CONTRACT,
        },
    )
    assert found.sources[RelationName("shop", "orders")].schema == Schema.of({"id": "varchar"})


def test_a_file_of_several_schema_objects_is_several_contracts(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        **{"a.sql": "SELECT 1", "orders.sql": "SELECT 1", "all.odcs.yaml": CONTRACT + "  - name: a\n"},
    )
    assert sorted(found.contracts) == ["orders/a", "orders/orders"]
    assert found.models[RelationName("shop", "a")].contract is found.contracts["orders/a"]


def test_input_ports_know_their_relations(tmp_path: Path) -> None:
    ports = "inputPorts: [{name: sales.orders}, {name: items}, {name: o, contractId: orders}, {name: raw}]\n"
    found = workspace(
        tmp_path,
        **{
            "sales/product.odps.yaml": PRODUCT + "outputPorts: [{name: orders, contractId: orders}, {name: items}]\n",
            "sales/orders.sql": "SELECT 1 AS id, 2 AS total",
            "sales/orders.odcs.yaml": CONTRACT,
            "sales/items.sql": "SELECT 1",
            "fleet/product.odps.yaml": PRODUCT + ports + "team: {members: [{username: ann, role: Product Owner}]}\n",
            "fleet/sources.yaml": "sources: {raw: {path: raw.csv}}\n",
            "fleet/planes.sql": "SELECT 1",
        },
    )
    fleet = found.products["fleet"]
    assert [str(port.relation) for port in fleet.input_ports] == [
        "sales.orders",
        "sales.items",
        "sales.orders",
        "fleet.raw",
    ]
    assert (fleet.owner, fleet.id) == ("ann", "sales")


def test_a_link_inside_the_workspace_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"headwater.yaml": "name: shop\n", "sql/a.txt": "SELECT 1"})
    (tmp_path / "a.sql").symlink_to("sql/a.txt")
    assert list(map(str, read_workspace(tmp_path).models)) == ["shop.a"]


def test_a_thousand_models_are_read_in_half_a_second(tmp_path: Path) -> None:
    header = "MODEL (name {}, output delta, grain (id), description 'a model');\n"
    query = "SELECT a.id, sum(b.amount) AS total, 'x;y' AS label\nFROM a JOIN b ON a.id = b.id\nGROUP BY a.id\n" * 3
    files = {f"p{number % 20}/m{number}.sql": header.format(f"m{number}") + query for number in range(1000)}
    write(tmp_path, {"headwater.yaml": "name: shop\n"} | files)

    def seconds() -> float:
        started = time.process_time()
        assert len(read_workspace(tmp_path).models) == 1000
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.parametrize("name", ["airline"])
def test_the_examples_are_sound(name: str) -> None:
    assert read_workspace(Path(__file__).parents[3] / "examples" / name).models
