"""The keyed results that are measured, and their input: what an epoch adds touches one key in a hundred.

Apart from the measuring because cases are data. Files are numbered: 0 is what is there at first, and each further
number is what one epoch takes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.workspaces import HERE

__all__ = ["CASES", "KEYS", "LATEST", "ROWS", "SOURCES", "Case", "generated", "latest_events"]

DATA: Final = HERE / "data" / "keyed"
ROWS: Final = 10_000_000
KEYS: Final = 1_000_000
EVENTS: Final = 5_000_000
SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "orders": {"id": "bigint", "customer": "bigint", "amount": "decimal(12,2)"},
    "payments": {"id": "bigint", "paid": "decimal(12,2)"},
    "visits": {"id": "bigint", "batch": "bigint", "amount": "decimal(12,2)"},
    "bids": {"auction": "bigint", "bidder": "bigint", "price": "bigint", "offered_at": "timestamp"},
}


@dataclass(frozen=True, slots=True)
class Case:
    """A model over some of the sources, and the share of a full recompute that an epoch may cost."""

    name: str
    title: str
    sources: tuple[str, ...]
    sql: str
    must: float


CASES: Final = (
    Case(
        "totals",
        "aggregates by key",
        ("orders",),
        "SELECT customer, count(*) AS n, sum(amount) AS amount, max(amount) AS largest FROM orders GROUP BY customer",
        0.05,
    ),
    Case(
        "young",
        "aggregates by key, the youngest touched",
        ("visits",),
        "SELECT batch, count(*) AS n, sum(amount) AS amount, max(amount) AS largest FROM visits GROUP BY batch",
        0.05,
    ),
    Case(
        "paid",
        "join by key",
        ("orders", "payments"),
        "SELECT o.id, o.customer, o.amount, p.paid FROM orders AS o JOIN payments AS p ON o.id = p.id",
        0.10,
    ),
    Case(
        "settled",
        "left join by key",
        ("orders", "payments"),
        "SELECT o.id, o.customer, o.amount, p.paid FROM orders AS o LEFT JOIN payments AS p ON o.id = p.id",
        0.10,
    ),
)
LATEST: Final = Case(
    "latest",
    "latest by key, 1.5 M keys",
    ("bids",),
    "SELECT auction, bidder, price, offered_at FROM bids "
    "QUALIFY row_number() OVER (PARTITION BY auction, bidder ORDER BY offered_at DESC, price DESC) = 1",
    0.0,
)


def generated(rows: int, epochs: int) -> Path:
    """A folder for each source, with a first file with most rows, and files that touch one key in a hundred."""
    folder = DATA / f"{rows}-{epochs}-v3"
    keys = max(rows * KEYS // ROWS, 1)
    touched = keys // 100
    amount = "CAST((hash(id, 1) % 1000000) / 100 AS DECIMAL(12, 2))"
    all_rows, unpaid = f"FROM range({rows}) AS r (id)", "hash(id, 2) % 2 = 1"
    queries = {
        ("orders", 0): f"SELECT id, (hash(id) % {keys})::BIGINT AS customer, {amount} AS amount {all_rows}",
        ("visits", 0): f"SELECT id, id * {keys} // {rows} AS batch, {amount} AS amount {all_rows}",
        ("payments", 0): f"SELECT id, {amount} AS paid {all_rows} WHERE NOT {unpaid}",
    }
    for epoch in range(1, epochs + 1):
        first = rows + epoch * touched
        came = f"FROM range({first}, {first + touched}) AS r (id)"
        queries["orders", epoch] = (
            f"SELECT id, ({epoch} + 100 * (id - {first}))::BIGINT AS customer, {amount} AS amount {came}"
        )
        queries["visits", epoch] = f"SELECT id, {keys - touched} + id - {first} AS batch, {amount} AS amount {came}"
        queries["payments", epoch] = (
            f"SELECT id, {amount} AS paid {all_rows} WHERE {unpaid} AND hash(id, 2) // 2 % 50 = {epoch}"
        )
    return _written(folder, queries)


def latest_events(size: int) -> Path:
    """Bids in files of ``size``, each auction and bidder about three times, not far apart, as in Nexmark's query 18."""
    queries = {
        ("bids", at): (
            "SELECT key AS auction, (hash(key) % 100000)::BIGINT AS bidder, (hash(id, 1) % 10000)::BIGINT AS price, "
            "TIMESTAMP '2026-01-01' + to_microseconds(id * 100) AS offered_at FROM (SELECT id, "
            f"id * 3 // 10 + (hash(id) % 50000)::BIGINT AS key FROM range({at * size}, {(at + 1) * size}) AS r (id))"
        )
        for at in range(EVENTS // size)
    }
    return _written(DATA / f"bids-{size}", queries)


def _written(folder: Path, queries: Mapping[tuple[str, int], str]) -> Path:
    if (folder / ".whole").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with duckdb.connect(config={"threads": 2}) as connection:
        for (name, number), query in queries.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({query}) TO '{folder / name}/{number:03}.parquet' (FORMAT parquet)")
    (folder / ".whole").touch()
    return folder
