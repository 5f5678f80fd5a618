"""Peers, each in an environment of its own, where they install; dbt and SQLMesh projects of the same models.

Their pins differ from ours and from each other's (SQLMesh pins its DuckDB), hence the separate environments.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.workspaces import HERE, TABLES, SmallModel

__all__ = ["STREAM_ENGINES", "dbt", "python_of", "sqlmesh", "write_dbt", "write_sqlmesh"]

VERSIONS = {
    "dbt": ("dbt-core==1.10.23", "dbt-duckdb==1.10.1"),
    "sqlmesh": ("sqlmesh[duckdb]==0.236.4",),
    "flink": ("apache-flink==2.3.0",),
    "spark": ("pyspark==4.3.0",),
    "bytewax": ("bytewax==0.21.1", "orjson==3.13.0"),
    "pathway": ("pathway==0.33.0",),
}
STREAM_ENGINES = ("flink", "spark", "bytewax", "pathway")
"""Flink and Spark need Java 17; the others are wheels."""


def dbt() -> Path | None:
    """The dbt program, installed when it is not; None when it does not install here."""
    return _program("dbt")


def sqlmesh() -> Path | None:
    """The sqlmesh program, like :func:`dbt`."""
    return _program("sqlmesh")


def write_dbt(root: Path, data: Path, models: list[SmallModel]) -> None:
    """A dbt project with the models; TPC-H tables are views of the database file it starts from."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: bench\nversion: 1.0.0\nprofile: bench\nmodel-paths: [models]\n")
    output = f"{{type: duckdb, path: '{root / 'bench.duckdb'}', threads: 2}}"
    (root / "profiles.yml").write_text(f"bench:\n  target: local\n  outputs:\n    local: {output}\n")
    for table in TABLES:
        (root / "models" / f"{table}.sql").write_text(f"select * from read_parquet('{data / table}.parquet')\n")
    for model in models:
        sql = re.sub(
            rf"\b(FROM|JOIN) (m\d\d\d_\d|{'|'.join(TABLES)})\b",
            lambda found: f"{found[1]} {{{{ ref('{found[2]}') }}}}",
            model.sql,
        )
        kind = "table" if model.table else "view"
        (root / "models" / f"{model.name}.sql").write_text(f"{{{{ config(materialized='{kind}') }}}}\n{sql}\n")


def write_sqlmesh(root: Path, data: Path, models: list[SmallModel]) -> None:
    """A SQLMesh project with the models."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "models").mkdir(parents=True)
    (root / "config.yaml").write_text(
        "gateways:\n  local:\n    connection:\n      type: duckdb\n"
        f"      database: '{root / 'bench.duckdb'}'\n"
        "default_gateway: local\nmodel_defaults:\n  dialect: duckdb\n  start: 2024-01-01\n"
        "disable_anonymized_analytics: true\n"
    )
    for table in TABLES:
        (root / "models" / f"{table}.sql").write_text(
            f"MODEL (name bench.{table}, kind VIEW);\nSELECT * FROM read_parquet('{data / table}.parquet')\n"
        )
    for model in models:
        sql = re.sub(rf"\b(FROM|JOIN) (m\d\d\d_\d|{'|'.join(TABLES)})\b", r"\1 bench.\2", model.sql)
        kind = "FULL" if model.table else "VIEW"
        (root / "models" / f"{model.name}.sql").write_text(f"MODEL (name bench.{model.name}, kind {kind});\n{sql}\n")


def python_of(name: str) -> Path | None:
    """The Python of a stream engine's environment, made when it is missing; None when it does not install here."""
    folder = HERE / "data" / "peers" / name
    python, done = folder / "bin" / "python", folder / ".installed"
    return python if done.exists() or _install(name, folder, done) else None


def _program(name: str) -> Path | None:
    folder = HERE / "data" / "peers" / name
    program = folder / "bin" / name
    return program if program.exists() or _install(name, folder, program) else None


def _install(name: str, folder: Path, proof: Path) -> bool:
    """Make an environment with a peer in it; whether there is what proves it."""
    print(f"  installing {name}", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *VERSIONS[name]]
    if subprocess.run(command, check=False).returncode == 0:
        if proof.parent == folder:
            proof.touch()
        if proof.exists():
            return True
    print(f"  {name} does not install here; it is left out", file=sys.stderr)
    return False
