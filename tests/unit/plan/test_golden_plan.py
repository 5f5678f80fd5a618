"""A whole plan as text. Fingerprints stand in it: a change of theirs makes every user's tables be built anew."""

from __future__ import annotations

from typing import Any

from headwater.plan import Plan


def render(plan: Plan) -> str:
    lines = [f"environment {plan.environment.name}"]
    for product in plan.products:
        lines.append(f"product {product.product}")
        for source in product.sources:
            columns = ", ".join(f"{column.name} {column.type}" for column in source.schema)
            lines += [f"  source {source.relation.name} ({columns})", f"    {source.fingerprint}"]
        lines += [f"  foreign {port.relation} as {port.output}" for port in product.foreign]
        for model in product.models:
            columns = ", ".join(f"{column.name} {column.type}" for column in model.analysis.schema)
            checks = [check.code for check in model.judgement.checks] if model.judgement else []
            lines += [
                f"  model {model.relation.name} ({columns})",
                f"    {model.program.kind}, {model.program.mode} to {model.output}",
                f"    reads {', '.join(f'{read.role} {read.relation}' for read in model.program.inputs)}",
                f"    checks {', '.join(checks) or 'nothing'}",
                f"    own {model.own_fingerprint}, full {model.fingerprint}, metadata {model.metadata_fingerprint}",
            ]
            lines += [f"    {name}: {text}" for name, text in sorted(model.traits.items())]
    return "\n".join(lines) + "\n"


def test_a_plan(plan_files: Any, shop: dict[str, str], golden: Any) -> None:
    shop["sales/orders.odcs.yaml"] = (
        "apiVersion: v3.2.0\nkind: DataContract\nid: shop.sales.orders\nname: orders\nversion: 1.2.0\nstatus: active\n"
        "schema:\n  - name: orders\n    logicalType: object\n    properties:\n"
        "      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}\n"
        "      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}}\n"
        "      - {name: status, logicalType: string}\n"
        "      - {name: placed_at, logicalType: timestamp}\n"
        "    quality:\n      - {type: sql, name: some, mustBeGreaterThan: 0, query: 'SELECT count(*) FROM ${object}'}\n"
    )
    shop["sales/open_orders.sql"] = (
        "MODEL (name open_orders, output delta, grain (id), partition_by (bucket(4, id)),\n"
        "  description 'Open', tags (a));\n" + shop["sales/open_orders.sql"]
    )
    golden("plan/shop.txt", render(plan_files(shop)))
