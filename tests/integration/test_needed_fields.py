"""Sources of which models ask for some fields: published and refused is what is when all are asked for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from headwater import api

workspace = """\
name: shop
environments:
  dev: {lake: {format: parquet}, settings: {threads: 1}, epoch: {bytes: 1}}
sources:
  events:
    kind: files
    path: "data/*.ndjson"
    format: ndjson
    columns:
      id: bigint
      at: timestamp
      who: struct(name varchar, city varchar, age integer)
      items: struct(sku varchar, n bigint)[]
      note: varchar
      more: varchar
  cities: {kind: files, path: "cities.ndjson", format: ndjson, columns: {city: varchar, land: varchar}}
"""
contract = """\
apiVersion: v3.2.0
kind: DataContract
id: events
version: 1.0.0
status: active
customProperties:
  - {property: eventTime, vendor: headwater, value: {column: at, watermark: PT1M, late: quarantine}}
schema:
  - name: events
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, unique: true}
      - {name: at, logicalType: timestamp}
      - name: who
        logicalType: object
        properties:
          - {name: age, logicalType: integer, logicalTypeOptions: {minimum: 18}}
      - {name: items, logicalType: array}
      - {name: note, logicalType: string, logicalTypeOptions: {maxLength: 12}}
      - {name: more, logicalType: string}
"""
models = {
    "people.sql": "MODEL (name people, output view); SELECT id, who.name AS name, who.city AS city, at FROM events",
    "named.sql": "SELECT id, name FROM people WHERE name IS NOT NULL",
    "by_minute.sql": "SELECT window_start, count(*) AS n, max(who.age) AS oldest "
    "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY window_start",
    "places.sql": "SELECT c.land, count(*) AS n FROM people AS p JOIN cities AS c ON p.city = c.city GROUP BY c.land",
}


def lines(draw: random.Random, file: int, faults: float) -> str:
    """Lines of which some lack members, are late, break a rule, stand twice, or are no events at all."""
    written = []
    for number in range(draw.randint(5, 40)):
        event: dict[str, object] = {"id": file * 100 + number, "note": "n" * draw.randint(0, 10), "more": [number]}
        event["at"] = f"2026-01-01 10:{min(file * 3 + number // 10, 59):02}:00"
        event["who"] = {key: of for key, of in {"name": f"p{number}", "age": 30}.items() if draw.random() < 0.8}
        if draw.random() < 0.7:
            event["who"] = {**event["who"], "city": draw.choice(["Oslo", "Rome", "Lima"])}
        event["items"] = [{"sku": "s", "n": number}, {}] if draw.random() < 0.5 else None
        line = json.dumps(event)
        if draw.random() < faults:
            broken = {
                "id": draw.choice([None, "x", 1]),
                "at": draw.choice(["2026-01-01 09:00:00", "soon", None]),
                "who": draw.choice([{"age": 3}, {"age": "old"}, "nobody", None, {"name": {"first": "A"}}]),
                "note": "n" * 20,
                "items": [{"n": "x"}],
            }
            name = draw.choice([*broken])
            line = draw.choice([json.dumps({**event, name: broken[name]}), "null", "[]", "{", line[:-1] + ', "id": 1}'])
        written.append(line)
    return "".join(f"{line}\n" for line in written)


class Shop:
    """A workspace, and what it publishes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in {"headwater.yaml": workspace, "events.odcs.yaml": contract, **models}.items():
            self.write(name, text)
        self.write("cities.ndjson", '{"city": "Oslo", "land": "N"}\n{"city": "Rome", "land": "I"}\n')

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")

    def run(self) -> object:
        """How the run ended, and how many rows of each relation met which fate."""
        outcome = api.run(api.load(self.root))
        relations = [report for product in outcome.products for report in product.relations]
        told = [(str(report.relation), report.counts) for report in relations if report.relation.name != "all"]
        return outcome.exit_code, outcome.reasons, sorted(told, key=str)

    def tables(self) -> list[object]:
        told = 'codes, source, "offset", raw, "row", message, quarantine_id, epoch'
        queries = [f"SELECT * FROM shop.{name.removesuffix('.sql')} ORDER BY ALL" for name in [*models][1:]]
        queries.append(f"SELECT {told} FROM shop.events__quarantine ORDER BY ALL")
        return [api.query(api.load(self.root), query).rows for query in queries]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_asked_for_changes_nothing(tmp_path: Path, seed: int) -> None:
    """One of two workspaces has a further model, which reads all fields."""
    draw = random.Random(seed)
    files = {f"data/{file}.ndjson": lines(draw, file, draw.choice((0, 0.1))) for file in range(4)}
    files["data/3.ndjson"] += lines(draw, 3, 0.3)
    shops = [Shop(tmp_path / "some"), Shop(tmp_path / "all")]
    shops[1].write("all.sql", "SELECT * FROM events")
    said = []
    for shop in shops:
        for name in [*files][:2]:
            shop.write(name, files[name])
        counted = [shop.run()]
        for name, text in files.items():
            shop.write(name, text)
        counted.append(shop.run())
        said.append((counted, shop.tables()))
    assert said[0] == said[1]
    assert all(said[0][1])
