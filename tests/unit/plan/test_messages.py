"""What is wrong with a workspace, said with its place; one golden file holds all messages."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.errors import DeclarationErrors

ODPS = """\
apiVersion: v1.1.0
kind: DataProduct
id: shop.{name}
name: {name}
version: 1.0.0
status: active
{ports}
"""

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: shop.{product}.{name}
name: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    logicalType: object
    properties:
{properties}
"""

RULES = "    quality:\n"
SALES = ODPS.format(name="sales", ports="outputPorts:\n  - {name: orders, type: table, version: 1.0.0}\n")
REPORT = ODPS.format(name="report", ports="inputPorts:\n  - {name: sales.orders, version: 1.0.0, contractId: x}\n")


def contract(product: str, name: str, *properties: str, rules: str = "") -> str:
    lines = "\n".join(f"      - {line}" for line in properties)
    return CONTRACT.format(product=product, name=name, properties=lines) + rules


cases: dict[str, dict[str, str | None]] = {
    "an unknown relation": {"sales/open_orders.sql": "SELECT id\nFROM oders\n"},
    "a relation of another product": {"report/by_day.sql": "SELECT id FROM orders\n"},
    "an unknown product": {"report/by_day.sql": "SELECT id FROM sails.orders\n"},
    "an unknown relation of a product": {"report/by_day.sql": "SELECT id FROM sales.order\n"},
    "three parts": {"report/by_day.sql": "SELECT id FROM lake.sales.orders\n"},
    "another product's source": {"report/by_day.sql": "SELECT id FROM sales.orders_raw\n"},
    "another product's view": {
        "sales/orders.sql": "MODEL (name orders, output view);\nSELECT id FROM orders_raw\n",
        "report/by_day.sql": "SELECT id FROM sales.orders\n",
    },
    "no output port": {
        "sales/product.odps.yaml": SALES,
        "report/by_day.sql": "SELECT id FROM sales.open_orders\n",
    },
    "no input port": {
        "report/product.odps.yaml": ODPS.format(name="report", ports=""),
        "report/by_day.sql": "SELECT id FROM sales.orders\n",
    },
    "an ambiguous port": {
        "fees/orders.sql": "SELECT 1 AS id\n",
        "report/product.odps.yaml": ODPS.format(
            name="report",
            ports="inputPorts:\n  - {name: sales.orders, version: 1.0.0, contractId: s}\n"
            "  - {name: fees.orders, version: 1.0.0, contractId: f}\n",
        ),
        "sales/orders.odcs.yaml": contract("sales", "orders", "{name: id, logicalType: integer}").replace(
            "shop.sales.orders", "s"
        ),
        "fees/orders.odcs.yaml": contract("fees", "orders", "{name: id, logicalType: integer}").replace(
            "shop.fees.orders", "f"
        ),
        "sales/orders.sql": "SELECT id FROM orders_raw\n",
        "sales/open_orders.sql": None,
        "report/by_day.sql": "SELECT id FROM orders\n",
    },
    "a model that reads itself": {"sales/orders.sql": "SELECT id FROM orders\n", "sales/open_orders.sql": None},
    "a circle of models": {
        "sales/a.sql": "SELECT id\nFROM b\n",
        "sales/b.sql": "SELECT id\nFROM c\n",
        "sales/c.sql": "SELECT id FROM a WHERE id IN (SELECT id FROM orders)\n",
    },
    "a circle of products": {
        "report/days.sql": "SELECT 1 AS id\n",
        "sales/more.sql": "SELECT id FROM report.days\n",
        "report/by_day.sql": "SELECT id FROM sales.orders\n",
    },
    "an unknown column, once, and what follows from it": {
        "sales/orders.sql": "SELECT idd FROM orders_raw\n",
        "sales/second.sql": "SELECT amont FROM orders_raw\n",
    },
    "columns in the header": {
        "sales/orders.sql": (
            "MODEL (name orders, grain (idd), partition_by (day(placed)));\n"
            "SELECT id, amount, status, placed_at FROM orders_raw\n"
        )
    },
    "a contract that disagrees": {
        "sales/open_orders.odcs.yaml": contract(
            "sales", "open_orders", "{name: id, logicalType: string}", "{name: amont, logicalType: number}"
        )
    },
    "a contract on a view": {
        "sales/open_orders.sql": "MODEL (name open_orders, output view);\nSELECT id FROM orders\n",
        "sales/open_orders.odcs.yaml": contract(
            "sales", "open_orders", "{name: id, logicalType: integer, required: true}"
        ),
    },
    "a reference to nothing": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer, relationships: [{type: foreignKey, to: sales.order.id}]}",
            "{name: amount, logicalType: number}",
        )
    },
    "a reference to a column that is not there": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer, relationships: [{type: foreignKey, to: sales.orders.idd}]}",
            "{name: amount, logicalType: number}",
        )
    },
    "a reference to a column of another kind": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer, relationships: [{type: foreignKey, to: sales.orders.status}]}",
            "{name: amount, logicalType: number}",
        )
    },
    "options and a metric that the engine refuses": {
        "sales/orders.odcs.yaml": contract(
            "sales",
            "orders",
            "{name: id, logicalType: integer}",
            "{name: amount, logicalType: number, logicalTypeOptions: {minimum: 1.0e+300}}",
            "{name: status, logicalType: string, logicalTypeOptions: {pattern: '\\p{Shavian}?\\p{Nothing}'},"
            " quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: '\\p{Nothing}'}}]}",
            "{name: placed_at, logicalType: timestamp}",
        )
    },
    "a source judged by a model": {
        "sales/orders_raw.odcs.yaml": contract(
            "sales",
            "orders_raw",
            "{name: id, logicalType: integer, relationships: [{type: foreignKey, to: sales.orders.id}]}",
            "{name: amount, logicalType: number}",
            "{name: status, logicalType: string}",
            "{name: placed_at, logicalType: timestamp}",
        )
    },
    "an event time that is none": {
        "sales/open_orders.odcs.yaml": contract(
            "sales", "open_orders", "{name: id, logicalType: integer}", "{name: amount, logicalType: number}"
        )
        + "customProperties:\n  - {property: eventTime, vendor: headwater, value: {column: id, watermark: PT1M}}\n"
    },
    "a rule that reads files": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer}",
            "{name: amount, logicalType: number}",
            rules=RULES + "      - {type: sql, name: peek, mustBe: 0, query: \"SELECT count(*) FROM read_csv('x')\"}\n",
        )
    },
    "a rule that reads another relation": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer}",
            "{name: amount, logicalType: number}",
            rules=RULES + "      - {type: sql, name: peek, mustBe: 0, query: 'SELECT count(*) FROM sales.orders'}\n",
        )
    },
    "a rule over an unknown column": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer}",
            "{name: amount, logicalType: number}",
            rules=RULES + "      - {type: sql, name: sum, mustBe: 0, query: 'SELECT sum(amont) FROM ${object}'}\n",
        )
    },
    "a rule that yields two columns": {
        "sales/open_orders.odcs.yaml": contract(
            "sales",
            "open_orders",
            "{name: id, logicalType: integer}",
            "{name: amount, logicalType: number}",
            rules=RULES + "      - {type: sql, name: two, mustBe: 0, query: 'SELECT id, amount FROM ${object}'}\n",
        )
    },
}


def message(plan_files: Any, shop: dict[str, str], changes: dict[str, str | None]) -> str:
    files = {name: text for name, text in ({**shop, **changes}).items() if text is not None}
    with pytest.raises(DeclarationErrors) as caught:
        plan_files(files)
    return str(caught.value)


def test_messages(plan_files: Any, shop: dict[str, str], golden: Any) -> None:
    found = [f"== {name}\n{message(plan_files, shop, changes)}\n" for name, changes in cases.items()]
    golden("plan/messages.txt", "\n".join(found))
