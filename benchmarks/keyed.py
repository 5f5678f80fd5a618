"""``python -m benchmarks keyed``: what an epoch costs that touches one key in a hundred, against computing all anew.

Apart from the streams because nothing closes here: every result may change with the next epoch. Ten million rows are
read by a first run, which computes everything; each later run finds one more file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import duckdb
import yaml

from benchmarks.measure import Claim
from benchmarks.process import watch
from benchmarks.workspaces import HERE

__all__ = ["main"]

ROOT: Final = HERE / "data" / "work" / "keyed"
DATA: Final = HERE / "data" / "keyed"
ROWS: Final = 10_000_000
KEYS: Final = 1_000_000
STEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Case:
    """A model over ``orders``, ``payments`` or ``visits``, and the share of a full recompute that an epoch may cost."""

    name: str
    title: str
    sql: str
    must: float


CASES: Final = (
    Case(
        "totals",
        "aggregates by key",
        "SELECT customer, count(*) AS n, sum(amount) AS amount, max(amount) AS largest FROM orders GROUP BY customer",
        0.05,
    ),
    Case(
        "young",
        "aggregates by key, the youngest keys touched",
        "SELECT batch, count(*) AS n, sum(amount) AS amount, max(amount) AS largest FROM visits GROUP BY batch",
        0.05,
    ),
    Case(
        "paid",
        "join by key",
        "SELECT o.id, o.customer, o.amount, p.paid FROM orders AS o JOIN payments AS p ON o.id = p.id",
        0.10,
    ),
    Case(
        "settled",
        "left join by key",
        "SELECT o.id, o.customer, o.amount, p.paid FROM orders AS o LEFT JOIN payments AS p ON o.id = p.id",
        0.10,
    ),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks keyed", description=__doc__)
    parser.add_argument("--cases", default=",".join(case.name for case in CASES))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--steps", type=int, default=STEPS, help="later runs, each with one more file")
    options = parser.parse_args(arguments)
    data = _data(options.rows, options.steps)
    claims: list[Claim] = []
    figures = {}
    for case in (case for case in CASES if case.name in options.cases.split(",")):
        figures[case.name] = found = measure(case, data, options.steps)
        claims.append(Claim("keyed", f"{case.title}: epoch / computing all anew", found["ratio"], case.must, "x"))
        claims.append(Claim("keyed", f"{case.title}: the same in CPU seconds", found["ratio_cpu"], case.must, "x"))
        verdict = "equal" if found["equal"] else "WRONG"
        took = f"all {found['all']:8.2f} s   one-shot DuckDB {found['duckdb']:8.2f} s   "
        print(f"{case.name:<10}{took}epoch {found['epoch'] * 1000:8.0f} ms   {found['peak_mb']:6.0f} MB   {verdict}")
        print(f"{'':<10}CPU seconds of the process: all {found['all_cpu']:.2f}   epoch {found['epoch_cpu']:.2f}")
        print(f"{'':<10}published by: {_published(case)}")
    for claim in claims:
        print(
            f"{claim.name:<56}{claim.value:>8.3f} {claim.unit}  <= {claim.bar:g}  {'held' if claim.held else 'MISSED'}"
        )
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    content = {"figures": figures, "claims": [asdict(claim) | {"held": claim.held} for claim in claims]}
    (results / "keyed.json").write_text(json.dumps(content, indent=2))
    return 0 if all(claim.held for claim in claims) and all(found["equal"] for found in figures.values()) else 1


def measure(case: Case, data: Path, steps: int) -> Mapping[str, float]:
    """Seconds of the first run, of the batch query and of a later run; and whether the rows are the batch query's."""
    _workspace(case)
    command = [str(Path(sys.executable).parent / "headwater"), "--verbose", "-C", str(ROOT), "run"]
    taken, cpu, peak = [], [], 0.0
    for step in range(steps + 1):
        for path in data.glob(f"*/{step:03}.parquet"):
            (ROOT / "data" / path.parent.name / path.name).hardlink_to(path)
        watched = watch(command).check()
        said = [(at, line.split(" ", 1)[0]) for at, line in watched.said]
        began = next(at for at, event in said if event == "EpochStarted")
        taken.append(next(at for at, event in reversed(said) if event == "ProductFinished") - began)
        cpu.append(watched.cpu)
        peak = max(peak, watched.peak_mb)
        print(f"  {case.name} run {step}: {taken[-1]:.3f} s", file=sys.stderr)
    batch = watch([sys.executable, "-m", "benchmarks.keyed", case.name, str(ROOT), str(ROOT / "batch.parquet")]).check()
    epoch = statistics.median(taken[1:])
    return {
        "all": taken[0],
        "duckdb": float(batch.output),
        "epoch": epoch,
        "all_cpu": cpu[0],
        "epoch_cpu": statistics.median(cpu[2:]),
        "ratio_cpu": statistics.median(cpu[2:]) / cpu[0],
        "ratio": epoch / taken[0],
        "ratio_duckdb": epoch / float(batch.output),
        "peak_mb": peak,
        "equal": _equal(case),
    }


def batch(case: Case, root: Path, out: Path) -> float:
    """The model's query over all files by DuckDB alone, to a Parquet file; its seconds."""
    import time

    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        for name in ("orders", "payments", "visits"):
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{root}/data/{name}/*.parquet')")
        connection.execute(f"COPY ({case.sql}) TO '{out}' (FORMAT parquet)")
    return time.perf_counter() - started


def _equal(case: Case) -> bool:
    from deltalake import DeltaTable

    with duckdb.connect() as connection:
        lake = ROOT / ".headwater" / "local" / "lake" / "keyed" / case.name
        connection.register("published", DeltaTable(str(lake)).to_pyarrow_dataset())
        connection.execute(f"CREATE VIEW expected AS FROM '{ROOT}/batch.parquet'")
        columns = ", ".join(row[0] for row in connection.execute("DESCRIBE expected").fetchall())
        sums = {
            relation: connection.execute(f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM {relation}").fetchall()
            for relation in ("published", "expected")
        }
    return sums["published"] == sums["expected"]


def _published(case: Case) -> str:
    """How each run made its version of the table."""
    from deltalake import DeltaTable

    table = DeltaTable(str(ROOT / ".headwater" / "local" / "lake" / "keyed" / case.name))
    return ", ".join(str(entry["headwater"]["operation"]) for entry in reversed(table.history()))


def _workspace(case: Case) -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    for name in ("orders", "payments", "visits"):
        (ROOT / "data" / name).mkdir(parents=True)
    environment = {"lake": {"format": "delta"}, "settings": {"threads": 2}, "epoch": {"bytes": 1 << 30}}
    columns = {
        "orders": {"id": "bigint", "customer": "bigint", "amount": "decimal(12,2)"},
        "payments": {"id": "bigint", "paid": "decimal(12,2)"},
        "visits": {"id": "bigint", "batch": "bigint", "amount": "decimal(12,2)"},
    }
    sources = {
        f"keyed.{name}": {"path": f"data/{name}/*.parquet", "format": "parquet", "bounded": False, "columns": of}
        for name, of in columns.items()
    }
    content = {"name": "keyed", "environments": {"local": environment}, "sources": sources}
    (ROOT / "headwater.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (ROOT / f"{case.name}.sql").write_text(f"MODEL (name {case.name}, output delta);\n{case.sql}\n")


def _data(rows: int, steps: int) -> Path:
    """Orders and payments: a first file with most of them, and files that touch one key in a hundred."""
    folder = DATA / f"{rows}-{steps}-v2"
    if (folder / ".whole").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    keys = max(rows * KEYS // ROWS, 1)
    touched = keys // 100
    amount = "CAST((hash(id, 1) % 1000000) / 100 AS DECIMAL(12, 2))"
    queries = {
        (
            "orders",
            0,
        ): f"SELECT id, (hash(id) % {keys})::BIGINT AS customer, {amount} AS amount FROM range({rows}) AS r (id)",
        ("visits", 0): f"SELECT id, id * {keys} // {rows} AS batch, {amount} AS amount FROM range({rows}) AS r (id)",
        ("payments", 0): f"SELECT id, {amount} AS paid FROM range({rows}) AS r (id) WHERE hash(id, 2) % 2 = 0",
    }
    for step in range(1, steps + 1):
        first = rows + step * touched
        queries["orders", step] = (
            f"SELECT id, ({step} + 100 * (id - {first}))::BIGINT AS customer, {amount} AS amount "
            f"FROM range({first}, {first + touched}) AS r (id)"
        )
        queries["visits", step] = (
            f"SELECT id, {keys - touched} + id - {first} AS batch, {amount} AS amount "
            f"FROM range({first}, {first + touched}) AS r (id)"
        )
        queries["payments", step] = (
            f"SELECT id, {amount} AS paid FROM range({rows}) AS r (id) "
            f"WHERE hash(id, 2) % 2 = 1 AND hash(id, 3) % 100 = {step}"
        )
    with duckdb.connect(config={"threads": 2}) as connection:
        for (name, step), query in queries.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({query}) TO '{folder / name}/{step:03}.parquet' (FORMAT parquet)")
    (folder / ".whole").touch()
    return folder


if __name__ == "__main__":
    chosen = next(case for case in CASES if case.name == sys.argv[1])
    print(batch(chosen, Path(sys.argv[2]), Path(sys.argv[3])))
