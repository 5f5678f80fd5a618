"""Results written beside the next computation: what is published, told and refused is what one thread makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import api
from headwater.errors import DataError
from headwater.events import Event, Judged, Staged

workspace = """\
name: shop
environments: {{dev: {{lake: {{format: {format}}}, settings: {{threads: {threads}}}}}}}
sources:
  orders: {{kind: files, path: "data/*.csv"}}
"""
models = {
    "by_city": "SELECT city, sum(amount) AS amount FROM orders GROUP BY city",
    "largest": "SELECT max(amount) AS amount FROM by_city",
    "by_amount": "SELECT amount, count(*) AS n FROM orders GROUP BY amount",
    "shares": "SELECT b.city, b.amount * 100 / l.amount AS share FROM by_city AS b CROSS JOIN largest AS l",
    "cities": "SELECT DISTINCT city FROM orders",
    "counted": "SELECT count(*) AS n FROM cities",
}


class Shop:
    def __init__(self, root: Path, *, threads: int, format: str = "parquet") -> None:
        self.root = root
        (root / "data").mkdir(parents=True)
        (root / "shop").mkdir()
        (root / "headwater.yaml").write_text(workspace.format(threads=threads, format=format))
        cities = ["Oslo", "Rome", "Bonn", "Lima"]
        rows = [f"{number},{cities[number % 4]},{number % 7}" for number in range(200)]
        (root / "data" / "a.csv").write_text("\n".join(["id,city,amount", *rows]) + "\n")
        for name, query in models.items():
            self.model(name, query)
        self.told: list[tuple[str, str, object]] = []

    def model(self, name: str, query: str) -> None:
        (self.root / "shop" / f"{name}.sql").write_text(query)

    def run(self) -> api.RunOutcome:
        self.told.clear()
        return api.run(api.load(self.root), listener=self._listen)

    def _listen(self, event: Event) -> None:
        match event:
            case Judged():
                self.told.append(("judged", str(event.relation), event.counts))
            case Staged():
                self.told.append(("staged", str(event.relation), event.rows))

    def rows(self, name: str) -> list[object]:
        result = api.query(api.load(self.root), f"SELECT * FROM shop.{name} ORDER BY ALL")
        return list(result.rows)


@pytest.mark.parametrize("format", ["parquet", "delta", "iceberg"])
def test_one_thread_and_two_publish_and_tell_the_same(tmp_path: Path, format: str) -> None:
    one, two = (Shop(tmp_path / str(threads), threads=threads, format=format) for threads in (1, 2))
    for shop in (one, two):
        assert shop.run().balanced
        (shop.root / "data" / "b.csv").write_text("id,city,amount\n900,Oslo,50\n901,Kyiv,1\n")
    assert one.told == two.told
    assert [name for what, name, _ in one.told if what == "staged"] == [
        name for what, name, _ in one.told if what == "judged" and name != "shop.orders"
    ]
    for shop in (one, two):
        assert shop.run().balanced
    assert one.told == two.told
    for name in models:
        assert one.rows(name) == two.rows(name) != []


def test_a_failure_names_the_model_whose_rows_it_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, threads=2)
    shop.model("bad", "SELECT CAST(amount * 100 AS TINYINT) AS amount, count(*) AS n FROM orders GROUP BY ALL")
    outcome = shop.run()
    (product,) = outcome.products
    assert isinstance(product.error, DataError)
    assert product.error.where is not None
    assert product.error.where.path == "shop/bad.sql"
    assert [str(name) for what, name, _ in shop.told if what == "staged" and name == "shop.bad"] == []
    assert not list((tmp_path / ".headwater" / "dev" / "lake").rglob("current*"))
    shop.model("bad", "SELECT CAST(amount AS TINYINT) AS amount, count(*) AS n FROM orders GROUP BY ALL")
    assert shop.run().exit_code == 0
    assert len(shop.rows("bad")) == 7
    assert len(shop.rows("by_city")) == 4
