"""Orders to cities that are not known yet, run under the crash bench, then replayed once the cities are.

The contract of an appended model refers to another model, so that a row which
is refused today is admitted when its city arrives. A second appended model, a
replaced one and another product read what is admitted.
"""

from __future__ import annotations

import json
from pathlib import Path

from headwater import api
from headwater.events import Listener
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.state import StateStore
from headwater.runtime.tables import Tables
from headwater.spi import discovery
from headwater.types import RelationName

PUBLISHED = ("shop.sales", "shop.large", "shop.by_city", "report.total")

workspace = """\
name: demo
environments:
  dev: {{engine: duckdb, lake: {{format: {format}}}, settings: {{threads: 2}}}}
sources:
  shop.orders:
    kind: files
    path: data/orders*.csv
    format: csv
    columns: {{id: bigint, city: varchar, amount: "decimal(9,2)", tags: "varchar[]"}}
  shop.cities: {{kind: files, path: data/cities*.csv, format: csv, columns: {{name: varchar}}}}
"""
models = {
    "shop/known.sql": "SELECT name FROM cities",
    "shop/sales.sql": "SELECT id, city, amount, tags FROM orders",
    "shop/large.sql": "SELECT id, amount FROM sales WHERE amount > 5",
    "shop/by_city.sql": "SELECT city, count(*) AS n, sum(amount) AS total FROM sales GROUP BY city",
    "report/total.sql": "SELECT sum(amount) AS total FROM shop.sales",
}
contract = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: sales
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
      - name: city
        logicalType: string
        relationships: [{type: foreignKey, to: known.name}]
      - {name: amount, logicalType: number}
      - {name: tags, logicalType: array, items: {logicalType: string}}
"""
FIRST = 'id,city,amount,tags\n1,Oslo,10.10,[a]\n2,Rome,20.20,"[b, c]"\n3,Bonn,3.30,\n2,Rome,1.00,\n4,Rome,4.40,[]\n'
LATER = "id,city,amount,tags\n5,Oslo,50.50,\n4,Oslo,9.90,\n"


def write(root: Path, format: str) -> None:
    """The workspace with the first orders, of which only those to Oslo are admitted."""
    for name, text in {
        "headwater.yaml": workspace.format(format=format),
        "shop/sales.odcs.yaml": contract,
        "data/orders1.csv": FIRST,
        "data/cities1.csv": "name\nOslo\n",
        **models,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def run(argument: str, listener: Listener) -> object:
    """Run the workspace, or with ``replay`` judge the refused sales again; returns what readers then see."""
    options = json.loads(argument)
    project = api.load(Path(options["root"]))
    if options.get("replay"):
        outcome = api.quarantine_replay(project, "shop.sales", listener=listener)
    else:
        outcome = api.run(project, listener=listener)
    for product in outcome.products:
        if product.error is not None:
            raise product.error
    assert outcome.balanced
    return seen(project)


def seen(project: api.Project) -> dict[str, list[str]]:
    """All published rows, the sums of the ledger, what was released, and whether anything is left to publish."""
    tables, layout = Tables(project.layout), project.layout
    engine = discovery.engine("duckdb")
    found: dict[str, list[str]] = {}
    for name in PUBLISHED:
        table = tables.open(RelationName.parse(name), layout.environment.lake.format)
        if table.exists():
            with engine.query({}) as session:
                session.view('"rows"', table.scan())
                found[name] = sorted(map(str, session.fetch('SELECT * FROM "rows"')))
    with engine.open(str(layout.state("shop")), layout.environment.settings) as session:
        store = StateStore(session)
        found["released"] = sorted({row["quarantine_id"] for row in store.rows("released", 0)})
        found["releases"] = [str(len(store.rows("released", 0)))]
        found["outbox"] = list(map(str, store.outbox()))
    with MetadataStore.open(layout.metadata) as metadata:
        found["known to be released"] = sorted(metadata.released("dev", "shop"))
        sales = next(port for port in metadata.status("dev") if str(port.relation) == "shop.sales")
        found["sales"] = [str(sales.counts)]
    return found
