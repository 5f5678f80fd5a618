"""A workspace whose rows have event times: declared as values, run by a clock that stands still.

Apart from the tests because what is late and what windows make of it are tested apart.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

from headwater.events import Listener
from headwater.plan.build import build_plan
from headwater.runtime.execution import run
from headwater.runtime.layout import Layout
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.report import RunReport
from headwater.runtime.state import StateStore, Watermark
from headwater.runtime.tables import Tables
from headwater.spec.contract import Contract, EventTime, Property
from headwater.spec.declarations import Environment, Lake, Model, Source, Workspace
from headwater.spec.product import Product
from headwater.spi import discovery
from headwater.types import Counts, RelationName, Schema

COLUMNS = Schema.of({"id": "BIGINT", "at": "TIMESTAMP"})
READINGS = "plant.readings"


def at(text: str) -> datetime:
    """A time of the day on which all happens."""
    return datetime.fromisoformat(f"2026-03-01T{text}+00:00")


def contract(name: str, event_time: EventTime | None) -> Contract:
    return Contract(
        name, "1.0.0", name, f"{name}.odcs.yaml", properties=(Property("id"), Property("at")), event_time=event_time
    )


class Plant:
    """Sources of readings, one file a row group of ``write``, and the models over them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = at("12:00")
        self.environment = Environment("dev", lake=Lake(format="parquet"), settings={"threads": 2})
        self.times: dict[str, EventTime] = {READINGS: EventTime("at", timedelta(minutes=10))}
        self.bounded: set[str] = set()
        self.sources = [READINGS]
        self.models = {"plant.kept": "SELECT id, at FROM readings"}

    @property
    def layout(self) -> Layout:
        return Layout(self.root, self.environment)

    def write(self, file: str, *rows: str, source: str = "readings") -> None:
        """Rows as ``id HH:MM`` (or a whole timestamp)."""
        lines = [
            f"{number},{f'2026-03-01 {moment}' if moment[:1].isdigit() and '-' not in moment else moment}"
            for number, _, moment in (row.partition(" ") for row in rows)
        ]
        path = self.root / source / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("id,at\n" + "\n".join(lines) + "\n", encoding="utf-8")

    def workspace(self) -> Workspace:
        contracts = {name: contract(name, event_time) for name, event_time in self.times.items()}
        sources, models = {}, {}
        for text in self.sources:
            name = RelationName.parse(text)
            options = {"path": f"{name.name}/*.csv", "format": "csv"}
            sources[name] = Source(
                name, "files", options, schema=COLUMNS, contract=contracts.get(text), bounded=text in self.bounded
            )
        for text, query in self.models.items():
            name = RelationName.parse(text)
            models[name] = Model(name, query, f"{text}.sql", contract=contracts.get(text))
        return Workspace(
            name="plant",
            root=str(self.root),
            environments={"dev": self.environment},
            default_environment="dev",
            connections={},
            products={name: Product(name, name) for name in ("plant", "report")},
            sources=sources,
            models=models,
            contracts=contracts,
        )

    def run(
        self,
        *,
        epoch_bytes: int = 1,
        replay: str | None = None,
        products: list[str] | None = None,
        listener: Listener | None = None,
    ) -> RunReport:
        """Run with every file an epoch of its own."""
        with MetadataStore.open(self.layout.metadata) as store:
            recorded = store.recorded("dev")
        binder = discovery.engine("duckdb").bind
        plan = build_plan(self.workspace(), self.environment, recorded=recorded, discovered={}, binder=binder)
        report = run(
            plan,
            self.layout,
            clock=lambda: self.now,
            listeners=[listener] if listener else [],
            products=products,
            replay=RelationName.parse(replay) if replay else None,
            max_epoch_bytes=epoch_bytes,
        )
        for error in report.failures:
            raise error
        assert report.balanced
        return report

    def counts(self, report: RunReport, relation: str = READINGS) -> tuple[int, int, int, int]:
        """Read, accepted, late, quarantined of a relation in a run."""
        found = {str(port.relation): port.counts for product in report.products for port in product.relations}
        return dataclasses.astuple(found.get(relation, Counts()))

    def rows(self, text: str, columns: str = "*") -> list[tuple[object, ...]]:
        table = Tables(self.layout).open(RelationName.parse(text), "parquet")
        with discovery.engine("duckdb").query({}) as session:
            session.begin()
            session.view('"rows"', table.scan())
            return sorted(session.fetch(f'SELECT {columns} FROM "rows"'), key=str)

    def ids(self, text: str) -> list[object]:
        return [row[0] for row in self.rows(text, "id")]

    def watermarks(self, product: str = "plant") -> dict[str, Watermark]:
        with discovery.engine("duckdb").open(str(self.layout.state(product)), {}) as session:
            return {str(name): mark for name, mark in StateStore(session).snapshot().watermarks.items()}

    def told(self) -> dict[str, Watermark]:
        """What the metadata store knows."""
        with MetadataStore.open(self.layout.metadata) as store:
            return {str(name): mark for name, mark in store.watermarks("dev").items()}
