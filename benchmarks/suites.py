"""The benchmarks: what is compared with what, and the bars they are held to."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers, workspaces
from benchmarks.measure import Claim, Contender, compare, run_command

__all__ = ["SUITES"]

WORK = workspaces.HERE / "data" / "work"
HEADWATER = str(Path(sys.executable).parent / "headwater")
EXAMPLE = workspaces.HERE.parent / "examples" / "airline"


def tpch(rounds: int) -> list[Claim]:
    """22 TPC-H queries (SF1) as models published as Parquet, against bare DuckDB writing the same files."""
    data, root = workspaces.tpch_data(), WORK / "tpch"
    workspaces.write_tpch(root, data)
    found = compare(
        [
            _headwater("headwater run", root, "run", fresh=True),
            Contender("bare DuckDB", [sys.executable, "-m", "benchmarks.bare", "tpch", str(data), str(WORK / "bare")]),
        ],
        rounds,
    )
    ours, bare = found["headwater run"], found["bare DuckDB"]
    return [
        Claim("tpch", "wall / bare DuckDB", ours.seconds / bare.seconds, 1.25, "x"),
        Claim("tpch", "peak memory / bare DuckDB", ours.peak_mb / bare.peak_mb, 1.25, "x"),
    ]


def chains(rounds: int) -> list[Claim]:
    """500 small chained models over TPC-H SF1: a cold run and a run with nothing to do."""
    data, root, models = workspaces.tpch_data(), WORK / "chains", workspaces.chains(500)
    workspaces.write_chains(root, data, 500)
    bare = [sys.executable, "-m", "benchmarks.bare", "chains", str(data), str(WORK / "bare"), "500"]
    contenders = [
        _headwater("headwater cold run", root, "run", fresh=True),
        _headwater("headwater run, nothing new", root, "run"),
        Contender("bare DuckDB", bare),
    ]
    dbt_project, mesh_project = WORK / "dbt", WORK / "sqlmesh"
    if dbt := peers.dbt():
        contenders.append(
            Contender(
                "dbt run, cold",
                [str(dbt), "run", "--project-dir", str(dbt_project), "--profiles-dir", str(dbt_project)],
                lambda: peers.write_dbt(dbt_project, data, models),
                dbt_project,
            )
        )
    if mesh := peers.sqlmesh():
        contenders += [
            Contender(
                "SQLMesh plan, cold",
                [str(mesh), "-p", str(mesh_project), "plan", "--auto-apply", "--no-prompts"],
                lambda: peers.write_sqlmesh(mesh_project, data, models),
                mesh_project,
            ),
            Contender("SQLMesh run, nothing new", [str(mesh), "-p", str(mesh_project), "run"], cwd=mesh_project),
        ]
    found = compare(contenders, rounds)
    bare_seconds = found["bare DuckDB"].seconds
    claims = [
        Claim("chains", "cold run / bare DuckDB", found["headwater cold run"].seconds / bare_seconds, 1.8, "x"),
        Claim("chains", "nothing new", found["headwater run, nothing new"].seconds, 1.5, "s"),
    ]
    for name in ("dbt run, cold", "SQLMesh plan, cold", "SQLMesh run, nothing new"):
        if name in found:
            ours = "headwater run, nothing new" if "nothing" in name else "headwater cold run"
            claims.append(Claim("chains", f"{ours} / {name}", found[ours].seconds / found[name].seconds, 1, "x"))
    return claims


def planning(rounds: int) -> list[Claim]:
    """1,000 models in 20 products, after a run: check, plan with nothing changed, plan after one edit."""
    data, root = workspaces.tpch_data(), WORK / "mesh"
    workspaces.write_products(root, data, 20, 50)
    run_command([HEADWATER, "-C", str(root), "run"])
    edited = root / "p07" / "m002_1.sql"
    text = edited.read_text()
    state = {"edits": 0}

    def forget() -> None:
        edited.write_text(text)
        shutil.rmtree(root / ".headwater" / "cache")

    def edit() -> None:
        state["edits"] += 1
        edited.write_text(text.replace("WHERE", f"WHERE {state['edits']} > 0 AND"))

    found = compare(
        [
            Contender("check, cold", [HEADWATER, "-C", str(root), "check"], forget),
            _headwater("plan, nothing changed", root, "plan"),
            Contender("plan, one edit", [HEADWATER, "-C", str(root), "plan"], edit),
        ],
        rounds,
    )
    return [
        Claim("planning", "check of 1,000 models, cold", found["check, cold"].seconds, 5, "s"),
        Claim("planning", "plan, nothing changed", found["plan, nothing changed"].seconds, 2, "s"),
        Claim("planning", "plan after one edit", found["plan, one edit"].seconds, 2, "s"),
    ]


def publishing(rounds: int) -> list[Claim]:
    """10 M rows to Delta and to Iceberg, against deltalake and pyiceberg alone."""
    claims = []
    for name in ("delta", "iceberg"):
        seconds: dict[str, list[float]] = {"headwater": [], "library": []}
        for _ in range(rounds):
            for who, taken in seconds.items():
                command = [sys.executable, "-m", "benchmarks.publishing", who, name, str(WORK / "publishing")]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                taken.append(float(done.stdout))
                print(f"  {name}: {who:<10} {taken[-1]:8.2f} s", file=sys.stderr)
        ratio = statistics.median(seconds["headwater"]) / statistics.median(seconds["library"])
        claims.append(Claim("publishing", f"10 M rows to {name} / library alone", ratio, 1.3, "x"))
    return claims


def demo(rounds: int) -> list[Claim]:
    """The airline reference product: a first run and a second one that finds nothing new."""
    found = compare(
        [_headwater("first run", EXAMPLE, "run", fresh=True), _headwater("second run", EXAMPLE, "run")], rounds
    )
    return [
        Claim("demo", "first run", found["first run"].seconds, 15, "s"),
        Claim("demo", "second run", found["second run"].seconds, 2, "s"),
    ]


SUITES: dict[str, Callable[[int], list[Claim]]] = {
    "tpch": tpch,
    "chains": chains,
    "planning": planning,
    "publishing": publishing,
    "demo": demo,
}


def _headwater(name: str, root: Path, command: str, *, fresh: bool = False) -> Contender:
    def forget() -> None:
        shutil.rmtree(root / ".headwater", ignore_errors=True)

    return Contender(name, [HEADWATER, "-C", str(root), command], forget if fresh else None)
