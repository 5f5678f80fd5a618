"""A plant whose keyed results are merged: every run brings an hour of its own, so that its tables have a file a run.

Apart from the tests because it also runs under the crash bench.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from pathlib import Path
from typing import Literal, TypeAlias

from headwater.runtime.report import RunReport
from headwater.runtime.tables import Tables
from headwater.spec.contract import Contract
from headwater.spec.declarations import Lake, Workspace
from headwater.spi import discovery
from headwater.spi.table import Table
from headwater.types import RelationName

from .plant import Plant

Format: TypeAlias = Literal["parquet", "delta", "iceberg"]
HOURS = "plant.by_hour"
QUERIES = {
    HOURS: "SELECT hour(at) AS h, count(*) AS n, max(id) AS top FROM readings GROUP BY hour(at)",
    "plant.likes": "SELECT n, top % 2 = 0 AS even FROM by_hour",
    "plant.floats": (
        "SELECT hour(at) AS h, sum(id / 10) AS total, CASE WHEN count(*) > 1 THEN 'nan'::DOUBLE END AS odd, "
        "list(id ORDER BY id) AS ids FROM readings GROUP BY hour(at)"
    ),
    "report.total": "SELECT count(*) AS hours, sum(n) AS n FROM plant.by_hour",
}


class Merging(Plant):
    """Readings by hour, and what follows from them."""

    def __init__(self, root: Path, format: Format) -> None:
        super().__init__(root)
        self.environment = dataclasses.replace(self.environment, lake=Lake(format=format))
        self.format = format
        self.times = {}
        self.models = dict(QUERIES)
        self.read: list[tuple[int, int]] = []
        self.promise: Contract | None = None

    def workspace(self) -> Workspace:
        made = super().workspace()
        name = RelationName.parse(HOURS)
        hours = dataclasses.replace(made.models[name], contract=self.promise)
        return dataclasses.replace(made, models={**made.models, name: hours})

    def run_with(self, *rows: tuple[int, int]) -> RunReport:
        self.feed(*rows)
        return self.run()

    def feed(self, *rows: tuple[int, int]) -> None:
        """A file of rows: number and hour."""
        self.read += rows
        self.write(f"{len(self.read):04}.csv", *(f"{number} {hour:02}:00" for number, hour in rows))

    def operations(self, name: str) -> list[str]:
        return [version.operation for version in self.table(name).versions()]

    def table(self, name: str) -> Table:
        return Tables(self.layout).open(RelationName.parse(name), self.format)

    def holds(self) -> None:
        by_hour = {hour: [number for number, at in self.read if at == hour] for _, hour in self.read}
        hours = [(hour, len(ids), max(ids)) for hour, ids in by_hour.items()]
        assert self.contents(HOURS) == Counter(hours)
        assert self.contents("plant.likes") == Counter((n, top % 2 == 0) for _, n, top in hours)
        floats = [
            (hour, round(sum(ids) / 10, 6), "nan" if len(ids) > 1 else None, str(sorted(ids)))
            for hour, ids in by_hour.items()
        ]
        assert self.contents("plant.floats") == Counter(floats)
        assert self.contents("report.total") == Counter([(len(hours), len(self.read))])

    def contents(self, name: str) -> Counter[tuple[object, ...]]:
        return Counter(tuple(map(_plain, row)) for row in self.rows(name))

    def rows(self, text: str, columns: str = "*") -> list[tuple[object, ...]]:
        with discovery.engine("duckdb").query({}) as session:
            session.begin()
            session.view('"rows"', self.table(text).scan())
            return session.fetch(f'SELECT {columns} FROM "rows"')


def _plain(value: object) -> object:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else round(value, 6)
    return str(value) if isinstance(value, list) else value
