"""A small product and a reader of it, run under the crash bench.

The workspace is two files of orders, some of them bad, a contract that refuses
those, an appended and a replaced model, and a second product that reads the
first one's ports. Chunks are cut so that each file is an epoch.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from headwater.api.cache import FileCache
from headwater.events import Listener
from headwater.plan.build import build_plan
from headwater.plan.steps import Plan
from headwater.runtime import execution
from headwater.runtime.layout import Layout
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.state import StateStore
from headwater.runtime.tables import Tables
from headwater.spec.contract import Contract, Property
from headwater.spec.declarations import Environment, Lake, Model, OutputKind, Source, Workspace
from headwater.spec.product import Product
from headwater.spi import discovery
from headwater.types import RelationName, Schema

ORDERS = RelationName("shop", "orders")
PUBLISHED = ("shop.sales", "shop.by_city", "shop.orders__quarantine", "report.large", "report.total")


def run(argument: str, listener: Listener) -> object:
    """Run the workspace in a folder, and return what readers then see.

    ``argument`` is JSON: ``root``, ``format``, ``query`` of the model ``sales``; with ``prepare``
    only the metadata store is created.
    """
    options = json.loads(argument)
    environment = Environment("dev", lake=Lake(format=options["format"]), settings={"threads": 2})
    layout = Layout(Path(options["root"]), environment)
    if options["prepare"]:
        with MetadataStore.open(layout.metadata):
            return None
    plan = planned(layout, options["query"])
    report = execution.run(plan, layout, listeners=[listener], max_epoch_bytes=1)
    if report.failures:
        raise report.failures[0]
    assert report.balanced
    return seen(layout, plan)


def planned(layout: Layout, query: str) -> Plan:
    """The plan of the workspace, against what was recorded."""
    kind: OutputKind = layout.environment.lake.format
    contract = Contract(
        "orders",
        "1.0.0",
        "orders",
        "orders.odcs.yaml",
        properties=(
            Property("id", required=True, primary_key_position=1),
            Property("city", required=True),
            Property("amount"),
        ),
    )
    columns = Schema.of({"id": "BIGINT", "city": "VARCHAR", "amount": "INTEGER"})
    source = Source(ORDERS, "files", {"path": "data/*.csv", "format": "csv"}, schema=columns, contract=contract)
    queries = {
        "shop.sales": query,
        "shop.by_city": "SELECT city, count(*) AS orders, sum(cents) AS cents FROM sales GROUP BY city",
        "report.large": "SELECT id, cents FROM shop.sales WHERE cents > 15",
        "report.total": "SELECT sum(cents) AS cents FROM shop.by_city",
    }
    models = {
        (name := RelationName.parse(text)): Model(name, query, f"{text}.sql", output=kind)
        for text, query in queries.items()
    }
    workspace = Workspace(
        name="crash",
        root=str(layout.root),
        environments={"dev": layout.environment},
        default_environment="dev",
        connections={},
        products={"shop": Product("shop", "shop"), "report": Product("report", "report")},
        sources={ORDERS: source},
        models=models,
        contracts={"orders": contract},
    )
    with MetadataStore.open(layout.metadata) as store:
        recorded = store.recorded("dev")
    engine = discovery.engine("duckdb")
    # Beside the workspace, which is put back before every run.
    cache = FileCache(layout.root.parent, "plan")
    plan = build_plan(workspace, layout.environment, recorded=recorded, discovered={}, binder=engine.bind, cache=cache)
    cache.save()
    return plan


def seen(layout: Layout, plan: Plan) -> dict[str, list[str]]:
    """All published rows, the ledger and what is left to publish, as sorted text."""
    tables = Tables(layout)
    kind = layout.environment.lake.format
    found: dict[str, list[str]] = {}
    engine = discovery.engine("duckdb")
    with engine.query(layout.environment.settings) as session:
        session.begin()
        for name in PUBLISHED:
            table = tables.open(RelationName.parse(name), kind)
            session.view(f'"{name}"', table.scan())
            hidden = ("run", "quarantined_at", "epoch")
            columns = ", ".join(f'"{column}"' for column in table.schema().names if column not in hidden)
            found[name] = sorted(map(str, session.fetch(f'SELECT {columns} FROM "{name}"')))
            # Nothing lies about that no version and no outbox refers to.
            found[f"{name} orphans"] = [str(table.sweep(()))]
    for product in ("shop", "report"):
        with engine.open(str(layout.state(product)), layout.environment.settings) as session:
            store = StateStore(session)
            found[f"{product} ledger"] = [
                str(sorted(row.items())) for row in store.rows("ledger", 0) if row.pop("run") is not None
            ]
            found[f"{product} outbox"] = list(map(str, store.outbox()))
            snapshot = store.snapshot()
            found[f"{product} state"] = [str(dict(snapshot.positions)), *sorted(map(str, snapshot.recorded))]
    with MetadataStore.open(layout.metadata) as metadata:
        found["recorded"] = [str(dataclasses.astuple(row)) for _, row in sorted(metadata.recorded("dev").items())]
    return found
