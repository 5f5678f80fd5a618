"""Parquet sources that many models read, from a copy or from the files: published and refused is the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater import api
from headwater.engines.duckdb import decode_parquet

workspace = """\
name: shop
environments: {dev: {lake: {format: parquet}, settings: {threads: 1}}}
sources:
  events: {kind: files, path: "data/*.parquet"}
  plain: {kind: files, path: "data/*.parquet"}
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
      - {name: id, logicalType: integer, unique: true}
      - {name: at, logicalType: timestamp}
      - {name: age, logicalType: integer, logicalTypeOptions: {minimum: 18}}
      - {name: kind, logicalType: number}
"""
models = {
    f"{name}.sql": text
    for source, models in {
        "events": {"seen": "SELECT id, at FROM $", "adults": "SELECT count(*) AS n, max(age) AS oldest FROM $"},
        "plain": {"listed": "SELECT id, kind FROM $ WHERE age > 20", "kinds": "SELECT DISTINCT kind FROM $"},
    }.items()
    for name, text in [
        *((name, text.replace("$", source)) for name, text in models.items()),
        (f"{source}_by_kind", f"SELECT kind, count(*) AS n, sum(age) AS years FROM {source} GROUP BY kind"),
        (f"{source}_oldest", f"SELECT id, age FROM {source} ORDER BY age DESC, id LIMIT 3"),
        (f"{source}_median", f"SELECT median(age) AS age FROM {source}"),
    ]
}


def people(draw: random.Random, file: int) -> pa.Table:
    """Rows of which some are too young, late, or stand twice."""
    ids = [file * 100 + number for number in range(draw.randint(5, 40))]
    start = datetime(2026, 1, 1, 10, file * 3, tzinfo=UTC)
    moments = [start + timedelta(seconds=draw.randint(-90, 90)) for _ in ids]
    return pa.table(
        {
            "id": [each if draw.random() < 0.95 else file * 100 for each in ids],
            "at": pa.array(moments, pa.timestamp("us")),
            "age": [draw.choice([None, 3, 18, 30, 77]) for _ in ids],
            "kind": [draw.choice([None, 1.5, 2.5]) for _ in ids],
        }
    )


def run(root: Path, files: list[pa.Table]) -> tuple[object, ...]:
    """Two runs, the second of which finds more files; what they counted, and what is published then."""
    for name, text in {"headwater.yaml": workspace, "events.odcs.yaml": contract, **models}.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "data").mkdir()
    counted = []
    for number, table in enumerate(files):
        pq.write_table(table, root / f"data/{number}.parquet")
        if number:
            outcome = api.run(api.load(root))
            relations = [report for product in outcome.products for report in product.relations]
            counted.append(sorted((str(report.relation), report.counts.accepted) for report in relations))
    project = api.load(root)
    names = [name.removesuffix(".sql") for name in models]
    tables = {name: api.query(project, f"SELECT * FROM shop.{name} ORDER BY ALL").rows for name in names}
    refused = 'SELECT codes, source, "offset", "row" FROM shop.events__quarantine ORDER BY ALL'
    return counted, tables, api.query(project, refused).rows


@pytest.mark.parametrize("seed", range(2))
def test_a_copy_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    files = [people(draw, file) for file in range(3)]
    found = []
    for name, fewest in {"copied": 2, "scanned": 99}.items():
        monkeypatch.setattr(decode_parquet, "fewest_readers", fewest)
        (tmp_path / name).mkdir()
        found.append(run(tmp_path / name, files))
    assert found[0] == found[1]
    assert all(found[0])
