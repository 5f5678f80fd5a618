"""``python -m benchmarks keyed``: what an epoch costs that touches one key in a hundred, against computing all anew.

Apart from the streams because nothing closes here: every result may change with the next epoch. Ten million rows are
read by a first run, which computes everything. What comes later is taken in two ways: many files by one run, each in an
epoch of its own, and file by file, each by a process of its own that publishes. An epoch is what is between two
others of the long run: its state is durable, and what it changed is published when the run ends (rule E1).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import duckdb
import yaml

from benchmarks.keyed_cases import CASES, LATEST, ROWS, SOURCES, Case, generated, latest_events
from benchmarks.measure import Claim
from benchmarks.process import Watched, watch
from benchmarks.workspaces import HERE

__all__ = ["main"]

ROOT: Final = HERE / "data" / "work" / "keyed"
EPOCHS: Final = 8
SINGLE: Final = 3
SIZE: Final = 200_000
EVENTS_A_SECOND: Final = 3_000_000


def main(arguments: Sequence[str]) -> int:
    every = (*CASES, LATEST)
    parser = argparse.ArgumentParser(prog="python -m benchmarks keyed", description=__doc__)
    parser.add_argument("--cases", default=",".join(case.name for case in every))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the long run")
    options = parser.parse_args(arguments)
    claims: list[Claim] = []
    figures = {}
    for case in (case for case in every if case.name in options.cases.split(",")):
        found = latest() if case is LATEST else measure(case, options.rows, options.epochs)
        figures[case.name] = found
        claims += _claims(case, found)
        print(case.name + ("" if found["equal"] else "   WRONG"))
        for name, value in found.items():
            print(f"  {name:<48}{value:>14,.3f}")
        print(f"  published by: {_published(case)}")
    for claim in claims:
        verdict = "held" if claim.held else "MISSED"
        print(f"{claim.name:<72}{claim.value:>8.3f} {claim.unit}  <= {claim.bar:.3g}  {verdict}")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    content = {"figures": figures, "claims": [asdict(claim) | {"held": claim.held} for claim in claims]}
    (results / "keyed.json").write_text(json.dumps(content, indent=2))
    return 0 if all(claim.held for claim in claims) and all(found["equal"] for found in figures.values()) else 1


def _claims(case: Case, found: Mapping[str, float]) -> list[Claim]:
    if case is LATEST:
        return [
            Claim("keyed", f"{case.title}: seconds a million events", found["a million"], 1e6 / EVENTS_A_SECOND, "s")
        ]
    bars = (
        ("epoch / computing all anew", found["epoch"] / found["all"]),
        ("the same in CPU seconds", found["epoch, CPU"] / found["all, CPU"]),
        ("epoch / one-shot DuckDB", found["epoch"] / found["one-shot DuckDB"]),
        ("run of one epoch, with publication / computing all anew", found["run"] / found["all"]),
    )
    return [Claim("keyed", f"{case.title}: {name}", value, case.must, "x") for name, value in bars]


def measure(case: Case, rows: int, epochs: int) -> Mapping[str, float]:
    """Seconds of the first run, of the batch query, of an epoch and of a run; and whether the rows are the query's.

    A run is taken from its first epoch's begin to its end. The CPU seconds of an epoch are what the long run took more
    than a run of one epoch, for each epoch that it had more.
    """
    data = generated(rows, 1 + epochs + SINGLE)
    _workspace(case)
    _link(case, data, 0, 1)
    first = _run()
    _link(case, data, 1, 2)
    _run()  # from here on state is kept
    single = []
    for step in range(2, 2 + SINGLE):
        _link(case, data, step, step + 1)
        single.append(_run())
    _link(case, data, 2 + SINGLE, 2 + SINGLE + epochs)
    long = _run()
    batch, batch_cpu, equal = _batch(case)
    single_cpu = statistics.median(run.cpu for run in single)
    return {
        "all": _taken(first),
        "all, CPU": first.cpu,
        "one-shot DuckDB": batch,
        "one-shot DuckDB, CPU": batch_cpu,
        "epoch": statistics.median(_epochs(long)[1:-1]),
        "epoch, CPU": (long.cpu - single_cpu) / (epochs - 1),
        "last epoch, which publishes": _epochs(long)[-1],
        "run": statistics.median(map(_taken, single)),
        "run, CPU with start and planning": single_cpu,
        "run, wall with start and planning": statistics.median(run.seconds for run in single),
        "peak_mb": max(run.peak_mb for run in (first, long, *single)),
        "equal": equal,
    }


def latest() -> Mapping[str, float]:
    """All events in epochs of 200,000: the pace of all but the last, which publishes, and of the whole run."""
    data = latest_events(SIZE)
    count = len(list(data.glob("bids/*.parquet")))
    _workspace(LATEST)
    _link(LATEST, data, 0, count)
    run = _run()
    batch, batch_cpu, equal = _batch(LATEST)
    taken = _epochs(run)
    return {
        "a million": sum(taken[:-1]) / (count - 1) / SIZE * 1e6,
        "events a second": (count - 1) * SIZE / sum(taken[:-1]),
        "events a second, with publication": count * SIZE / _taken(run),
        "epoch, first quarter": statistics.median(taken[: count // 4]),
        "epoch, last quarter": statistics.median(taken[-count // 4 : -1]),
        "CPU of an epoch, start and publication spread": run.cpu / count,
        "one-shot DuckDB": batch,
        "one-shot DuckDB, CPU": batch_cpu,
        "peak_mb": run.peak_mb,
        "equal": equal,
    }


def batch(case: Case, root: Path, out: Path) -> tuple[float, float]:
    """The model's query over all files by DuckDB alone, to a Parquet file; its wall and CPU seconds."""
    started = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    with duckdb.connect(config={"threads": 2}) as connection:
        for name in case.sources:
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{root}/data/{name}/*.parquet')")
        connection.execute(f"COPY ({case.sql}) TO '{out}' (FORMAT parquet)")
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def _run() -> Watched:
    found = watch([str(Path(sys.executable).parent / "headwater"), "--verbose", "-C", str(ROOT), "run"]).check()
    print(f"  {len(_epochs(found))} epochs: {_taken(found):.3f} s, {found.cpu:.2f} s of CPU", file=sys.stderr)
    return found


def _taken(run: Watched) -> float:
    """From the begin of the first epoch to the end of the product's run."""
    events = [(at, line.split(" ", 1)[0]) for at, line in run.said]
    began = next(at for at, event in events if event == "EpochStarted")
    return next(at for at, event in reversed(events) if event == "ProductFinished") - began


def _epochs(run: Watched) -> list[float]:
    """The seconds of each epoch, from its begin to the next one's; of the last to its own end."""
    events = [(at, line.split(" ", 1)[0]) for at, line in run.said]
    begun = [at for at, event in events if event == "EpochStarted"]
    ended = [at for at, event in events if event == "EpochFinished"]
    return [after - before for before, after in zip(begun, [*begun[1:], ended[-1]], strict=True)]


def _batch(case: Case) -> tuple[float, float, bool]:
    command = [sys.executable, "-m", "benchmarks.keyed", case.name, str(ROOT), str(ROOT / "batch.parquet")]
    seconds, cpu = (float(part) for part in watch(command).check().output.split())
    return seconds, cpu, _equal(case)


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


def _link(case: Case, data: Path, first: int, end: int) -> None:
    for name in case.sources:
        for number in range(first, end):
            (ROOT / "data" / name / f"{number:03}.parquet").hardlink_to(data / name / f"{number:03}.parquet")


def _workspace(case: Case) -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    for name in case.sources:
        (ROOT / "data" / name).mkdir(parents=True)
    environment = {"lake": {"format": "delta"}, "settings": {"threads": 2}, "epoch": {"bytes": 1}}
    sources = {
        f"keyed.{name}": {
            "path": f"data/{name}/*.parquet",
            "format": "parquet",
            "bounded": False,
            "columns": dict(SOURCES[name]),
        }
        for name in case.sources
    }
    content = {"name": "keyed", "environments": {"local": environment}, "sources": sources}
    (ROOT / "headwater.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (ROOT / f"{case.name}.sql").write_text(f"MODEL (name {case.name}, output delta);\n{case.sql}\n")


if __name__ == "__main__":
    chosen = next(case for case in (*CASES, LATEST) if case.name == sys.argv[1])
    print(*batch(chosen, Path(sys.argv[2]), Path(sys.argv[3])))
