"""Workspaces from ODCS contracts and dbt projects: what is carried over runs, what is not is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import api
from headwater.api.dbt_template import read_template
from headwater.errors import DeclarationError, UsageError
from headwater.spec.text import FileText

contract = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: total, logicalType: number, physicalType: "decimal(12,2)"}
  - name: lines
    properties:
      - {name: "order", logicalType: integer}
"""

project = {
    "dbt_project.yml": "name: jaffle\nvars: {x: 1}\n",
    "seeds/raw_orders.csv": "id,customer,status\n1,ann,placed\n2,bob,shipped\n2,bob,lost\n",
    "models/staging/stg_orders.sql": """\
{{ config(materialized='table', tags=['daily'], cluster_by='id') }}
{# orders as they came #}
select id as order_id, customer, status from {{ ref('raw_orders') }}
{% if is_incremental() %}
where id > (select max(order_id) from {{ this }})
{% endif %}
""",
    "models/orders.sql": "{{- config(materialized='view') -}}\nselect * from {{ ref('stg_orders') }};\n",
    "models/payments.sql": "select * from {{ source('Stripe', 'payment') }}\n",
    "models/looped.sql": "select 1 as id\n{% for x in [1] %}, {{ x }} as c{% endfor %}\n",
    "models/schema.yml": """\
sources:
  - name: stripe
    tables:
      - name: payment
        columns: [{name: id, data_type: bigint}]
models:
  - name: stg_orders
    description: "Orders, one a row."
    tests: [dbt_utils.something]
    columns:
      - name: order_id
        tests: [not_null, unique]
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [placed, shipped]}}
          - dbt_utils.at_least_one
  - name: looped
    columns: [{name: id, tests: [unique]}]
""",
    "macros/cents.sql": "{% macro cents(x) %} {{ x }} {% endmacro %}\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_contracts_come_as_they_are_beside_models_to_be_written(tmp_path: Path) -> None:
    origin = write(tmp_path / "given", {"a/sales.odcs.yaml": contract, "other.yaml": "a: 1\n", "b/same.yaml": contract})
    created = api.init_from_odcs(tmp_path / "shop", origin)
    assert created.relations == ("shop.orders", "shop.lines")
    assert (tmp_path / "shop/shop/sales.odcs.yaml").read_text() == contract
    assert created.left_out == ("b/same.yaml: shop.lines has a contract already",)
    loaded = api.load(tmp_path / "shop")
    assert api.check(loaded).models == 2
    assert api.run(loaded).exit_code == 0
    assert api.query(loaded, "SELECT id, total FROM orders").rows == ()


def test_a_contract_with_errors_is_left_out_with_its_place(tmp_path: Path) -> None:
    wrong = contract.replace("status: active", "status: active\nverson: 1")
    origin = write(tmp_path / "given", {"wrong.odcs.yaml": wrong})
    with pytest.raises(UsageError) as caught:
        api.init_from_odcs(tmp_path / "shop", origin)
    assert caught.value.detail is not None
    assert caught.value.detail.startswith("wrong.odcs.yaml:6:1: ")
    assert not (tmp_path / "shop").exists()


def test_a_dbt_project_runs_as_far_as_it_is_carried_over(tmp_path: Path) -> None:
    origin = write(tmp_path / "jaffle", project)
    created = api.init_from_dbt(tmp_path / "shop", origin)
    assert created.relations == ("shop.orders", "shop.payments", "shop.stg_orders")
    assert created.left_out == (
        "models/schema.yml:4:9: the rows of the source stripe.payment: put them to data/stripe/payment.csv, "
        "or set its path",
        "models/schema.yml:7:5: the test dbt_utils.something of the model stg_orders",
        "models/schema.yml:13:9: the test dbt_utils.at_least_one",
        "models/looped.sql:2:1: {% for x in [1] %} cannot be carried over",
        "models/staging/stg_orders.sql:4:1: the is_incremental() block: headwater finds what is new by itself",
        "models/staging/stg_orders.sql:1:1: the setting 'cluster_by' of stg_orders",
        "macros/cents.sql:1: macros are not carried over",
        "dbt_project.yml: 'vars' is not carried over",
        "the tests of looped: the model was left out",
    )
    root = write(tmp_path / "shop", {"data/stripe/payment.csv": "id\n7\n"})
    loaded = api.load(root)
    assert api.run(loaded).exit_code == 0
    assert api.query(loaded, "SELECT order_id, status FROM orders ORDER BY ALL").rows == ((1, "placed"), (2, "shipped"))
    assert api.query(loaded, "SELECT * FROM payments").rows == ((7,),)
    (reason, *_) = (found.code for found in api.quarantine_list(loaded, "shop.stg_orders"))
    assert reason in ("enum:status", "unique:order_id")
    header = (root / "shop/stg_orders.sql").read_text().splitlines()[0]
    assert header == "MODEL (name stg_orders, description 'Orders, one a row.');"


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        api.init_from_dbt(tmp_path / "shop", write(tmp_path / "empty", {"a.sql": "select 1"}))
    assert caught.value.hint == "name the folder of the dbt project"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select {{ var('x') }}", "{{ var('x') }} cannot be carried over"),
        ("select {{ ref('a', version=2) }}", "{{ ref('a', version=2) }} cannot be carried over"),
        ("select {{ __import__('os').system('x') }}", "{{ __import__('os').system('x') }} cannot be carried over"),
        ("{% set x = 1 %}select 1", "{% set x = 1 %} cannot be carried over"),
        ("select * from {{ ref('nope') }}", "ref('nope') leads to nothing in the project"),
        ("a {% if is_incremental() %} b", "an is_incremental() block has no end"),
        (
            "a {% if is_incremental() %} b {% else %} c {% endif %}",
            "{% else %} inside an is_incremental() block cannot be carried over",
        ),
    ],
)
def test_what_is_no_reference_is_refused(text: str, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_template(FileText("m.sql", text), lambda name: name if name == "a" else None, lambda *_: None)
    assert caught.value.message == message
    assert caught.value.where is not None
    assert caught.value.where.line == 1
