"""The shape of a plan: order of products and models, foreign ports, references, capabilities."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.capabilities import TableCapability
from headwater.errors import DeclarationErrors
from headwater.incremental.program import ChangeMode
from headwater.plan import build_plan
from headwater.quality.checks import ReferenceCheck
from headwater.spec import read_workspace
from headwater.types import RelationName, Schema


def shape(plan: Any) -> list[tuple[str, list[str], list[str], list[str]]]:
    return [
        (
            product.product,
            [source.relation.name for source in product.sources],
            [str(port.relation) for port in product.foreign],
            [model.relation.name for model in product.models],
        )
        for product in plan.products
    ]


def test_products_and_models_stand_behind_what_they_read(plan_files: Any, shop: dict[str, str]) -> None:
    assert shape(plan_files(shop)) == [
        ("sales", ["orders_raw"], [], ["orders", "open_orders"]),
        ("report", [], ["sales.orders"], ["by_day"]),
    ]


def test_modes_follow_from_what_is_read(plan_files: Any, shop: dict[str, str]) -> None:
    shop["report/late.sql"] = "SELECT day FROM by_day\n"
    plan = plan_files(shop)
    modes = {model.relation.name: model.program.mode for product in plan.products for model in product.models}
    assert modes == {
        "orders": ChangeMode.APPEND,
        "open_orders": ChangeMode.APPEND,
        "by_day": ChangeMode.REPLACE,
        "late": ChangeMode.REPLACE,
    }


def test_a_contract_reference_orders_products_and_is_a_foreign_port(plan_files: Any, shop: dict[str, str]) -> None:
    shop["aaa/picks.sql"] = "SELECT 7::bigint AS order_id\n"
    shop["aaa/picks.odcs.yaml"] = (
        "apiVersion: v3.2.0\nkind: DataContract\nid: picks\nname: picks\nversion: 1.0.0\nstatus: active\nschema:\n"
        "  - name: picks\n    logicalType: object\n    properties:\n"
        "      - name: order_id\n        logicalType: integer\n"
        "        relationships: [{type: foreignKey, to: sales.orders.id}]\n"
    )
    plan = plan_files(shop)
    assert [product.product for product in plan.products] == ["sales", "aaa", "report"]
    picks = next(product for product in plan.products if product.product == "aaa")
    assert [str(port.relation) for port in picks.foreign] == ["sales.orders"]
    judgement = picks.models[0].judgement
    assert judgement is not None
    assert [check.to for check in judgement.checks if isinstance(check, ReferenceCheck)] == [
        RelationName("sales", "orders")
    ]


def test_columns_of_undeclared_sources_are_taken_as_discovered(plan_files: Any, shop: dict[str, str]) -> None:
    lines = [line for line in shop["sales/sources.yaml"].splitlines() if "columns" not in line]
    shop["sales/sources.yaml"] = "\n".join(lines) + "\n"
    with pytest.raises(DeclarationErrors) as caught:
        plan_files(shop)
    assert [error.message for error in caught.value.errors] == [
        "the columns of the source 'sales.orders_raw' are not known"
    ]
    workspace = read_workspace(plan_files.folder)
    columns = {"id": "bigint", "amount": "double", "status": "varchar", "placed_at": "timestamp"}
    plan = build_plan(
        workspace,
        workspace.environments["dev"],
        recorded={},
        discovered={RelationName("sales", "orders_raw"): Schema.of(columns)},
        binder=plan_files.bind,
    )
    assert plan.products[0].sources[0].schema == Schema.of(columns)


def test_what_a_table_format_cannot_do_is_an_error_before_the_run(plan_files: Any, shop: dict[str, str]) -> None:
    shop["sales/orders.sql"] = "MODEL (name orders, partition_by (id));\n" + shop["sales/orders.sql"]
    plan_files(shop)
    workspace = read_workspace(plan_files.folder)
    with pytest.raises(DeclarationErrors) as caught:
        build_plan(
            workspace,
            workspace.environments["dev"],
            recorded={},
            discovered={},
            binder=plan_files.bind,
            capabilities=lambda _: frozenset({TableCapability.TRANSACTION_ID}),
        )
    assert [error.message for error in caught.value.errors] == [
        "the output 'parquet' cannot partition a table, which 'sales.orders' needs"
    ]


def test_no_step_depends_on_the_order_of_files(plan_files: Any, shop: dict[str, str]) -> None:
    assert plan_files(shop) == plan_files(dict(reversed(shop.items())))


def test_an_own_relation_comes_before_a_port_of_the_same_name(plan_files: Any, shop: dict[str, str]) -> None:
    shop["report/orders.sql"] = "SELECT id FROM sales.orders\n"
    shop["report/ids.sql"] = "SELECT id FROM Orders\n"
    report = next(product for product in plan_files(shop).products if product.product == "report")
    reads = {model.relation.name: [str(read) for read in model.analysis.reads] for model in report.models}
    assert reads["ids"] == ["report.orders"]
    assert reads["orders"] == ["sales.orders"]


def test_a_port_is_read_by_its_name_alone(plan_files: Any, shop: dict[str, str]) -> None:
    shop["report/product.odps.yaml"] = (
        "apiVersion: v1.1.0\nkind: DataProduct\nid: report\nname: report\nversion: 1.0.0\nstatus: active\n"
        "inputPorts:\n  - {name: sales.orders, version: 1.0.0, contractId: orders}\n"
    )
    shop["sales/orders.odcs.yaml"] = (
        "apiVersion: v3.2.0\nkind: DataContract\nid: orders\nname: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
        "  - {name: orders, logicalType: object}\n"
    )
    shop["report/by_day.sql"] = "SELECT id FROM orders\n"
    report = next(product for product in plan_files(shop).products if product.product == "report")
    assert [str(read) for read in report.models[0].analysis.reads] == ["sales.orders"]
