"""What a model that is computed from a source's past sees: the rows that were admitted, neither more nor fewer."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import api

workspace = """\
name: shop
environments:
  dev: {lake: {format: parquet}, settings: {threads: 1}}
sources:
  orders: {kind: files, path: "data/*.csv", format: csv, columns: {id: bigint, city: varchar}}
  cities: {kind: files, path: "cities/*.csv", format: csv, columns: {city: varchar}}
"""
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
      - name: city
        logicalType: string
        relationships: [{type: foreignKey, to: cities.city}]
"""


class Orders:
    """A workspace with one source under contract, and its answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("headwater.yaml", workspace)
        self.write("orders.odcs.yaml", contract)
        self.write("sales.sql", "SELECT id, city FROM orders")
        self.write("cities/a.csv", "city\nOslo\nRome\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self) -> api.RunOutcome:
        return api.run(api.load(self.root))

    def replay(self) -> api.RunOutcome:
        return api.quarantine_replay(api.load(self.root), "orders")

    def rows(self, relation: str) -> tuple[tuple[object, ...], ...]:
        return api.query(api.load(self.root), f"SELECT * FROM {relation} ORDER BY ALL").rows


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path)


def test_the_winner_of_a_key_stays_the_winner(orders: Orders) -> None:
    """The file that comes later in the order of names was read first."""
    orders.write("data/b.csv", "id,city\n1,Rome\n")
    assert orders.run().exit_code == 0
    orders.write("data/a.csv", "id,city\n1,Oslo\n2,Oslo\n")
    assert orders.run().exit_code == 0
    orders.write("again.sql", "SELECT id, city FROM orders")
    assert orders.run().exit_code == 0
    assert orders.rows("shop.again") == orders.rows("shop.sales") == ((1, "Rome"), (2, "Oslo"))


def test_a_refused_row_is_admitted_by_a_replay_and_by_nothing_else(orders: Orders) -> None:
    orders.write("data/a.csv", "id,city\n1,Rome\n2,Bonn\n")
    assert orders.run().exit_code == 0
    orders.write("cities/b.csv", "city\nBonn\n")
    orders.write("again.sql", "SELECT id, city FROM orders")
    orders.write("number.sql", "SELECT count(*) AS n FROM orders")
    assert orders.run().exit_code == 0
    assert orders.rows("shop.again") == ((1, "Rome"),)
    assert orders.rows("shop.number") == ((1,),)
    assert orders.replay().exit_code == 0
    assert orders.rows("shop.again") == orders.rows("shop.sales") == ((1, "Rome"), (2, "Bonn"))
    assert orders.rows("shop.number") == ((2,),)
    orders.write("third.sql", "SELECT id, city FROM orders")
    orders.write("data/b.csv", "id,city\n3,Ulm\n4,Rome\n")
    assert orders.run().exit_code == 0
    assert orders.rows("shop.third") == ((1, "Rome"), (2, "Bonn"), (4, "Rome"))
    assert orders.rows("shop.number") == ((3,),)
