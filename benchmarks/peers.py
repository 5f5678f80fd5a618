"""dbt and SQLMesh on the same models, each in an environment of its own, where they install.

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

__all__ = ["dbt", "sqlmesh", "write_dbt", "write_sqlmesh"]

VERSIONS = {
    "dbt": ("dbt-core==1.10.23", "dbt-duckdb==1.10.1"),
    "sqlmesh": ("sqlmesh[duckdb]==0.236.4",),
}


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


def _program(name: str) -> Path | None:
    folder = HERE / "data" / "peers" / name
    program = folder / "bin" / name
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        installed = subprocess.run(
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *VERSIONS[name]], check=False
        )
        if installed.returncode != 0 or not program.exists():
            print(f"  {name} does not install here; it is left out", file=sys.stderr)
            return None
    return program
