"""What somebody deleted between two runs is computed again, or the run says what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headwater import api
from headwater.errors import DataError
from headwater.runtime import execution
from headwater.runtime.tables import Tables
from headwater.types import RelationName

referring = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: sales
    logicalType: object
    properties:
      - {name: id, logicalType: integer}
      - name: city
        logicalType: string
        relationships: [{type: foreignKey, to: places.city}]
"""
workspace = """\
name: shop
environments:
  dev: {{lake: {{format: {format}}}, settings: {{threads: 2}}}}
sources:
  orders: {{kind: files, path: "data/*.csv", format: csv, columns: {{id: bigint, city: varchar}}}}
"""
cities = '  cities: {kind: files, path: "cities/*.csv", format: csv, columns: {city: varchar}}\n'
contract = """\
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: city, logicalType: string}
"""


class Orders:
    """A product whose rows are appended, one that reads it, and their answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("orders.odcs.yaml", contract)
        self.write("sales.sql", "SELECT id, city FROM orders")
        self.write("report/names.sql", "SELECT upper(city) AS city FROM shop.sales")
        self.write("data/a.csv", "id,city\n1,Oslo\n1,Rome\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def use(self, format: str, *changes: tuple[str, str]) -> None:
        text = workspace.format(format=format)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.write("headwater.yaml", text)

    def run(self, *products: str) -> api.RunOutcome:
        return api.run(api.load(self.root), products=products)

    def rows(self, relation: str, columns: str = "*") -> tuple[tuple[object, ...], ...]:
        return api.query(api.load(self.root), f"SELECT {columns} FROM {relation} ORDER BY ALL").rows

    def all(self) -> list[tuple[tuple[object, ...], ...]]:
        found = [self.rows(name) for name in ("shop.sales", "report.names")]
        return [*found, self.rows("shop.orders__quarantine", 'source, "offset"')]


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    made = Orders(tmp_path)
    made.use("parquet")
    return made


@pytest.mark.parametrize("folder", ["", "shop", "shop/sales", "shop/orders__quarantine", "report/names"])
@pytest.mark.parametrize("news", [False, True])
def test_a_deleted_table_is_published_again(orders: Orders, folder: str, *, news: bool) -> None:
    assert orders.run().exit_code == 0
    shutil.rmtree(orders.root / ".headwater/dev/lake" / folder)
    if news:
        orders.write("data/b.csv", "id,city\n2,Bonn\n")
    assert orders.run().exit_code == 0
    first, names = ((1, "Oslo"),), (("OSLO",),)
    sales, cities = ((*first, (2, "Bonn")), (("BONN",), *names)) if news else (first, names)
    assert orders.all() == [sales, cities, (("data/a.csv", 2),)]
    assert orders.run().nothing_to_do


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_a_deleted_lake_is_published_again_in_every_format(orders: Orders, format: str) -> None:
    orders.use(format)
    assert orders.run().exit_code == 0
    before = orders.all()
    shutil.rmtree(orders.root / ".headwater/dev/lake")
    assert orders.run().exit_code == 0
    assert orders.all() == before
    assert orders.run().nothing_to_do


def test_readers_of_a_deleted_table_start_anew(orders: Orders) -> None:
    """Its versions are numbered from the beginning again, so their numbers alone tell nothing."""
    orders.use("delta")
    assert orders.run().exit_code == 0
    shutil.rmtree(orders.root / ".headwater/dev/lake/shop/sales")
    for number in (2, 3):
        orders.write(f"data/{number}.csv", f"id,city\n{number},Bonn\n")
        assert orders.run("shop").exit_code == 0
    assert orders.run().exit_code == 0
    assert orders.rows("report.names") == (("BONN",), ("BONN",), ("OSLO",))


@pytest.mark.parametrize("format", ["parquet", "delta", "iceberg"])
@pytest.mark.parametrize(
    "query", ["SELECT upper(city) AS city FROM shop.sales", "SELECT max(city) AS city FROM shop.sales"]
)
def test_a_reader_that_runs_alone_notices_that_its_table_was_published_anew(
    orders: Orders, format: str, query: str
) -> None:
    """The new table may have the old one's version: another identity tells them apart."""
    orders.use(format)
    orders.write("report/names.sql", query)
    for product in ("shop", "report"):
        assert orders.run(product).exit_code == 0
    Tables(api.load(orders.root).layout).open(RelationName("shop", "sales"), format).drop()
    orders.write("data/b.csv", "id,city\n2,Ulm\n")
    for product in ("shop", "report"):
        assert orders.run(product).exit_code == 0
    assert orders.rows("report.names")[-1] == ("ULM" if "upper" in query else "Ulm",)
    assert orders.run("report").nothing_to_do
    assert orders.run().nothing_to_do


@pytest.mark.parametrize("alone", [False, True])
def test_readers_of_a_product_that_was_forgotten_start_anew(orders: Orders, *, alone: bool) -> None:
    """Its state is gone with its tables, so that epochs, versions and fingerprints are numbered as before."""
    assert orders.run().exit_code == 0
    for lost in (".headwater/dev/lake/shop", "data"):
        shutil.rmtree(orders.root / lost)
    for file in (orders.root / ".headwater/dev/state").glob("shop.duckdb*"):
        file.unlink()
    orders.write("data/a.csv", "id,city\n1,Bari\n")
    for products in (("shop",), ("report",)) if alone else ((),):
        assert orders.run(*products).exit_code == 0
    assert orders.rows("report.names") == (("BARI",),)
    assert orders.run().nothing_to_do


def test_an_append_to_a_table_that_is_gone_is_refused(orders: Orders) -> None:
    """Its folder is there, what makes it a table is not."""
    assert orders.run().exit_code == 0
    table = orders.root / ".headwater/dev/lake/shop/sales"
    shutil.rmtree(table)
    table.mkdir()
    orders.write("data/b.csv", "id,city\n2,Bonn\n")
    outcome = orders.run()
    assert outcome.exit_code == 3
    error = outcome.products[0].error
    assert error is not None
    assert error.message == "the table shop.sales, which was published, is gone"


@pytest.mark.parametrize("max_epoch_bytes", [1, 1 << 20])
@pytest.mark.parametrize("moved", [False, True])
def test_references_are_not_judged_against_a_table_that_is_gone(
    orders: Orders, max_epoch_bytes: int, *, moved: bool
) -> None:
    """What was lost is computed again before anything is judged against it."""
    orders.write("orders.odcs.yaml", referring)
    orders.write("headwater.yaml", workspace.format(format="parquet") + cities)
    orders.write("places.sql", "SELECT city FROM cities")
    orders.write("cities/a.csv", "city\nOslo\nRome\nBonn\n")
    assert orders.run().exit_code == 0
    shutil.rmtree(orders.root / ".headwater/dev/lake/shop/places")
    for number in (2, 3, 4):
        orders.write(f"data/{number}.csv", f"id,city\n{number},Bonn\n")
    if moved:
        orders.write("cities/b.csv", "city\nKiel\n")
    project = api.load(orders.root)
    report = execution.run(api.plan(project), project.layout, max_epoch_bytes=max_epoch_bytes)
    assert not report.failures
    assert orders.rows("shop.sales") == ((1, "Oslo"), (1, "Rome"), (2, "Bonn"), (3, "Bonn"), (4, "Bonn"))
    assert len(orders.rows("shop.places")) == (4 if moved else 3)
    assert orders.run().nothing_to_do


def test_refused_rows_move_with_the_lake_to_another_format(orders: Orders) -> None:
    assert orders.run().exit_code == 0
    before = orders.all()
    orders.use("delta")
    assert orders.run().exit_code == 0
    assert orders.all() == before
    orders.write("data/b.csv", "id,city\n1,Bonn\n")
    assert orders.run().exit_code == 0
    orders.use("parquet")
    assert orders.run().exit_code == 0
    assert orders.all() == [*before[:2], (("data/a.csv", 2), ("data/b.csv", 1))]
    assert orders.run().nothing_to_do


def test_a_source_whose_file_is_gone_is_not_read_again_without_it(orders: Orders) -> None:
    orders.write("data/b.csv", "id,city\n2,Bonn\n")
    assert orders.run().exit_code == 0
    (orders.root / "data/b.csv").unlink()
    assert orders.run().nothing_to_do
    orders.write("orders.odcs.yaml", contract.replace("city, logicalType", "city, required: true, logicalType"))
    outcome = orders.run()
    assert isinstance(outcome.products[0].error, DataError)
    assert outcome.products[0].error.message == "data/b.csv was read before and is gone"
    assert orders.rows("shop.sales") == ((1, "Oslo"), (2, "Bonn"))


@pytest.mark.parametrize(
    "change",
    [
        ("format: csv,", 'format: csv, "null": "-",'),
        ('path: "data/*.csv"', 'path: "data/**/*.csv"'),
        ('path: "data/*.csv"', 'path: ["data/a.csv", "data/[b-z]*.csv"]'),
        ("id: bigint", "id: integer"),
    ],
)
def test_a_source_that_is_declared_anew_is_not_read_without_a_file_that_is_gone(
    orders: Orders, change: tuple[str, str]
) -> None:
    orders.write("data/b.csv", "id,city\n2,Bonn\n")
    assert orders.run().exit_code == 0
    (orders.root / "data/b.csv").unlink()
    orders.use("parquet", change)
    outcome = orders.run()
    assert isinstance(outcome.products[0].error, DataError)
    assert outcome.products[0].error.message == "data/b.csv was read before and is gone"
    assert orders.rows("shop.sales") == ((1, "Oslo"), (2, "Bonn"))
    orders.write("data/b.csv", "id,city\n2,Bonn\n")
    assert orders.run().exit_code == 0
    assert orders.rows("shop.sales") == ((1, "Oslo"), (2, "Bonn"))


def test_a_path_that_leaves_files_out_is_followed(orders: Orders) -> None:
    """Whoever narrows the path means it; a path that matches nothing at all is a mistake."""
    orders.write("data/b.csv", "id,city\n2,Bonn\n")
    assert orders.run().exit_code == 0
    orders.use("parquet", ("data/*.csv", "date/*.csv"))
    outcome = orders.run()
    assert isinstance(outcome.products[0].error, DataError)
    assert outcome.products[0].error.message == "no file matches date/*.csv, and 2 files were read before"
    assert orders.rows("shop.sales") == ((1, "Oslo"), (2, "Bonn"))
    orders.use("parquet", ("data/*.csv", "data/[b-z].csv"))
    assert orders.run().exit_code == 0
    assert orders.rows("shop.sales") == ((2, "Bonn"),)
