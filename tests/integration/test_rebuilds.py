"""A map that is rebuilt ends as if it had never been interrupted: the same rows, refusals and origins."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.plan.build import build_plan
from headwater.runtime import execution
from headwater.runtime.layout import Layout
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.tables import Tables
from headwater.spec.contract import Contract, Property
from headwater.spec.declarations import Environment, Lake, Model, OutputKind, Source, Workspace
from headwater.spec.product import Product
from headwater.spi import discovery
from headwater.types import RelationName, Schema

ORDERS = RelationName("shop", "orders")
Row = tuple[int, str | None, int]

KEYED = (Property("id", required=True, primary_key_position=1), Property("city", required=True))
BEFORE = "SELECT id, city, amount FROM orders"
AFTER = "SELECT id, city, amount + 1 AS amount FROM orders WHERE amount < 8"


@dataclass(slots=True)
class Shop:
    """A source, views over it, and stored maps with keys of their own."""

    root: Path
    file_format: str = "csv"
    lake: OutputKind = "parquet"
    source_contract: bool = False
    lines: str = BEFORE
    named: str = "SELECT id % 4 AS id, city FROM sales"
    local: str = "SELECT id % 2 AS id, city FROM shop.sales"
    models: dict[str, tuple[str, OutputKind]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stored = self.lake
        self.models = {
            "shop.lines": ("", "view"),
            "shop.wide": ("SELECT id, city, amount FROM lines WHERE city <> 'Rome' OR amount > 1", "view"),
            "shop.sales": ("SELECT id, city FROM wide UNION ALL SELECT amount, city FROM lines", stored),
            "shop.parts": ("SELECT unnest([id, amount]) AS id, city FROM wide", stored),
            "shop.named": ("", stored),
            "shop.by_city": ("SELECT city, count(*) AS id FROM wide GROUP BY city", stored),
            "report.local": ("", stored),
        }

    def write(self, number: int, rows: Sequence[Row]) -> None:
        path = self.root / "data" / f"f{number}.{self.file_format}"
        path.parent.mkdir(exist_ok=True)
        if self.file_format == "csv":
            lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
            path.write_text("\n".join(["id,city,amount", *lines, "1,broken,x", ""]), encoding="utf-8")
        else:
            columns = {name: [row[at] for row in rows] for at, name in enumerate(("id", "city", "amount"))}
            types = pyarrow.schema({"id": pyarrow.int64(), "city": pyarrow.string(), "amount": pyarrow.int64()})
            pyarrow.parquet.write_table(pyarrow.table(columns, schema=types), path)

    def run(self, *, max_epoch_bytes: int = 1) -> None:
        environment = Environment("dev", lake=Lake(format=self.lake), settings={"threads": 2})
        layout = Layout(self.root, environment)
        with MetadataStore.open(layout.metadata) as store:
            recorded = store.recorded("dev")
        binder = discovery.engine("duckdb").bind
        plan = build_plan(self._workspace(environment), environment, recorded=recorded, discovered={}, binder=binder)
        report = execution.run(plan, layout, max_epoch_bytes=max_epoch_bytes, sleep=lambda _: None)
        for error in report.failures:
            raise error
        assert report.balanced

    def _workspace(self, environment: Environment) -> Workspace:
        queries = {
            **self.models,
            "shop.lines": (self.lines, "view"),
            "shop.named": (self.named, self.lake),
            "report.local": (self.local, self.lake),
        }
        models, contracts = {}, {}
        for text, (query, output) in queries.items():
            name = RelationName.parse(text)
            contract = Contract(name.name, "1.0.0", name.name, f"{name}.odcs.yaml", properties=KEYED)
            if output != "view" and name.name != "by_city":
                contracts[name.name] = contract
            models[name] = Model(name, query, f"{text}.sql", output=output, contract=contracts.get(name.name))
        options = {"path": f"data/*.{self.file_format}", "format": self.file_format}
        columns = Schema.of({"id": "BIGINT", "city": "VARCHAR", "amount": "BIGINT"})
        if self.source_contract:
            contracts["orders"] = Contract("orders", "1", "orders", "o.yaml", properties=(*KEYED, Property("amount")))
        return Workspace(
            name="shop",
            root=str(self.root),
            environments={"dev": environment},
            default_environment="dev",
            connections={},
            products={name: Product(name, name) for name in ("shop", "report")},
            sources={ORDERS: Source(ORDERS, "files", options, schema=columns, contract=contracts.get("orders"))},
            models=models,
            contracts={contract.id: contract for contract in contracts.values()},
        )

    def rows(self, text: str, columns: str = "*") -> list[tuple[Any, ...]]:
        layout = Layout(self.root, Environment("dev", lake=Lake(format=self.lake)))
        table = Tables(layout).open(RelationName.parse(text), self.lake)
        if not table.exists():
            return []
        with discovery.engine("duckdb").query({}) as session:
            session.begin()
            session.view('"rows"', table.scan())
            return sorted(session.fetch(f'SELECT {columns} FROM "rows"'), key=str)

    def refused(self, text: str) -> list[tuple[Any, ...]]:
        return self.rows(f"{text}__quarantine", 'source, "offset", codes, raw, "row", quarantine_id')

    def seen(self, *names: str) -> Mapping[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
        return {name: (self.rows(name), self.refused(name)) for name in names}


STORED = ("shop.sales", "shop.parts", "shop.named", "shop.by_city")

folders = itertools.count()
rows = st.tuples(st.integers(0, 6), st.sampled_from([None, "Oslo", "Rome"]), st.integers(0, 9))
files = st.lists(st.lists(rows, min_size=1, max_size=6), min_size=1, max_size=4)
law = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@law
@given(before=files, since=st.one_of(st.just([]), files), small=st.booleans(), contract=st.booleans())
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_rebuild_equals_the_uninterrupted_run(
    tmp_path: Path, file_format: str, before: Any, since: Any, *, small: bool, contract: bool
) -> None:
    rebuilt, uninterrupted = both(tmp_path, file_format, source_contract=contract)
    for number, content in enumerate(before):
        rebuilt.write(number, content)
    rebuilt.run()
    rebuilt.lines = uninterrupted.lines = AFTER
    for number, content in enumerate([*before, *since]):
        uninterrupted.write(number, content)
        if number >= len(before):
            rebuilt.write(number, content)
    rebuilt.run(max_epoch_bytes=1 << 20)
    uninterrupted.run(max_epoch_bytes=1 if small else 1 << 20)
    assert rebuilt.seen(*STORED, "shop.orders") == uninterrupted.seen(*STORED, "shop.orders")


def both(folder: Path, file_format: str = "csv", lake: OutputKind = "parquet", **options: Any) -> tuple[Shop, Shop]:
    """Two workspaces that are declared alike; the first is to be rebuilt."""
    place = folder / str(next(folders))
    for name in ("rebuilt", "other"):
        (place / name).mkdir(parents=True)
    return Shop(place / "rebuilt", file_format, lake, **options), Shop(place / "other", file_format, lake, **options)


FIRST: list[Row] = [(4, "Rome", 1), (1, "Oslo", 5), (6, "Bonn", 5), (2, None, 3)]
SECOND: list[Row] = [(3, "Bari", 7), (0, "Alta", 2), (3, "Lund", 9)]


@pytest.mark.parametrize("late", [False, True])
def test_rows_read_from_a_table_have_its_name_and_do_not_depend_on_epochs(tmp_path: Path, *, late: bool) -> None:
    rebuilt, other = both(tmp_path)
    rebuilt.write(0, FIRST)
    for number, content in enumerate((FIRST, SECOND)):
        other.write(number, content)
    other.run(max_epoch_bytes=1 << 20)
    if late:
        rebuilt.run()
    rebuilt.write(1, SECOND)
    if not late:
        rebuilt.run()
    rebuilt.named = other.named = "SELECT id % 3 AS id, city FROM sales"
    rebuilt.run()
    other.run()
    assert rebuilt.seen(*STORED) == other.seen(*STORED)
    assert {row[:2] for row in rebuilt.refused("shop.named")} == {("shop.sales", None)}


@pytest.mark.parametrize("lake", ["parquet", "delta", "iceberg"])
def test_rows_of_another_product_are_numbered_as_when_they_were_read(tmp_path: Path, lake: OutputKind) -> None:
    rebuilt, other = both(tmp_path, lake=lake)
    for shop in (rebuilt, other):
        shop.write(0, FIRST)
        shop.write(1, SECOND)
    rebuilt.run()
    rebuilt.local = other.local = "SELECT id % 3 AS id, city FROM shop.sales"
    rebuilt.run()
    other.run()
    assert rebuilt.seen("report.local") == other.seen("report.local")
    assert rebuilt.refused("report.local")


def test_rows_of_another_product_compete_in_the_order_of_its_table(tmp_path: Path) -> None:
    rebuilt, other = both(tmp_path)
    other.local = "SELECT id % 3 AS id, city FROM shop.sales"
    for number, content in enumerate((FIRST, SECOND)):
        for shop in (rebuilt, other):
            shop.write(number, content)
            shop.run()
    rebuilt.local = other.local
    rebuilt.run()
    assert rebuilt.rows("report.local") == other.rows("report.local")
    refused, expected = (sorted(str(row[2:5]) for row in shop.refused("report.local")) for shop in (rebuilt, other))
    assert refused == expected
    assert refused
