"""Workspaces written as files, read and planned with the embedded engine's binder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.plan import Plan, Recorded, build_plan
from headwater.spec import read_workspace
from headwater.types import RelationName, Schema

Files = Mapping[str, str]


@dataclass
class MemoryCache:
    """A cache that tells what it was asked."""

    entries: dict[str, str] = field(default_factory=dict)
    missed: int = 0

    def get(self, key: str) -> str | None:
        found = self.entries.get(key)
        self.missed += found is None
        return found

    def put(self, key: str, entry: str) -> None:
        self.entries[key] = entry


@dataclass
class Planner:
    """Plans files in a folder of their own; ``binds`` counts the queries that the engine was asked to type."""

    folder: Path
    cache: MemoryCache = field(default_factory=MemoryCache)
    binds: int = 0

    def __call__(self, files: Files, recorded: Mapping[RelationName, Recorded] | None = None) -> Plan:
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_file():
                path.unlink()
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        workspace = read_workspace(self.folder)
        return build_plan(
            workspace,
            workspace.environments[workspace.default_environment],
            recorded=recorded or {},
            discovered={},
            binder=self.bind,
            cache=self.cache,
        )

    def bind(self, sql: str, relations: Mapping[str, Schema]) -> Schema:
        self.binds += 1
        return DuckDBEngine().bind(sql, relations)


@pytest.fixture
def plan_files(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


def record(plan: Plan) -> dict[RelationName, Recorded]:
    """What a run that published this plan would record."""
    found: dict[RelationName, Recorded] = {}
    for product in plan.products:
        for source in product.sources:
            found[source.relation] = Recorded(
                source.relation,
                source.fingerprint,
                source.fingerprint,
                source.schema,
                "",
                source.metadata_fingerprint,
                "",
                source.traits,
            )
        for model in product.models:
            found[model.relation] = Recorded(
                model.relation,
                model.fingerprint,
                model.own_fingerprint,
                model.analysis.schema,
                model.analysis.canonical,
                model.metadata_fingerprint,
                model.output,
                model.traits,
            )
    return found


@pytest.fixture
def recording() -> Callable[[Plan], dict[RelationName, Recorded]]:
    return record


WORKSPACE = """\
name: shop
environments:
  dev: {engine: duckdb, lake: {path: lake, format: parquet}}
default_environment: dev
"""

SOURCES = """\
orders_raw:
  kind: files
  path: data/orders.csv
  format: csv
  columns: {id: bigint, amount: 'decimal(9,2)', status: varchar, placed_at: timestamp}
"""


@pytest.fixture
def shop() -> dict[str, str]:
    """Three products: ``sales`` and ``report`` without descriptors, and a chain of models over one source."""
    return {
        "headwater.yaml": WORKSPACE,
        "sales/sources.yaml": "sources:\n" + "".join(f"  {line}\n" for line in SOURCES.splitlines()),
        "sales/orders.sql": "SELECT id, amount, status, placed_at FROM orders_raw WHERE id IS NOT NULL\n",
        "sales/open_orders.sql": "SELECT id, amount FROM orders WHERE status = 'open'\n",
        "report/by_day.sql": (
            "SELECT date_trunc('day', placed_at) AS day, sum(amount) AS total\nFROM sales.orders\nGROUP BY ALL\n"
        ),
    }
