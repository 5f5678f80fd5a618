"""Workspaces to measure with, generated: TPC-H as models, chains of small models, many products.

Apart from the benchmarks so that each of them, and its peers, get the same SQL.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TABLES", "SmallModel", "chains", "tpch_data", "write_chains", "write_products", "write_tpch"]

HERE = Path(__file__).parent
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A model of a chain; ``sql`` names other models and TPC-H tables plainly, ``reads`` lists the models."""

    name: str
    sql: str
    table: bool
    reads: tuple[str, ...]


def tpch_data(scale: float = 1) -> Path:
    """The folder with TPC-H Parquet files of a scale, generated once."""
    folder = HERE / "data" / f"sf{scale:g}"
    if not (folder / "supplier.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        generator = Path(sys.executable).parent / "tpchgen-cli"
        subprocess.run(
            [str(generator), "parquet", "-s", f"{scale:g}", "-q", "--output-dir", str(folder)],
            check=True,
        )
    return folder


def write_tpch(root: Path, data: Path) -> None:
    """The 22 TPC-H queries as 22 models published as Parquet."""
    _fresh(root)
    _link_data(root, data)
    (root / "headwater.yaml").write_text(_settings("tpch") + _sources("tpch"))
    models = root / "tpch"
    models.mkdir()
    for query in sorted((HERE / "queries").glob("q*.sql")):
        (models / query.name).write_text(f"MODEL (name {query.stem}, output parquet);\n{query.read_text()}")


def chains(count: int) -> list[SmallModel]:
    """``count`` models in chains of ten: views, with a table after each fifth."""
    bases = (
        "SELECT c_custkey AS id, c_nationkey AS grp, c_acctbal AS amount FROM customer",
        "SELECT s_suppkey AS id, s_nationkey AS grp, s_acctbal AS amount FROM supplier",
        "SELECT p_partkey AS id, p_size AS grp, p_retailprice AS amount FROM part",
        "SELECT o_orderkey AS id, o_custkey % 100 AS grp, o_totalprice AS amount FROM orders",
        "SELECT ps_partkey AS id, ps_suppkey % 50 AS grp, ps_supplycost AS amount FROM partsupp",
    )
    models: list[SmallModel] = []
    for number in range(count):
        chain, depth = divmod(number, 10)
        name, before = f"m{chain:03}_{depth}", f"m{chain:03}_{depth - 1}"
        match depth:
            case 0:
                sql = f"{bases[chain % len(bases)]} WHERE {chain} >= 0"
                reads: tuple[str, ...] = ()
            case 4:
                sql = f"SELECT grp AS id, grp, sum(amount) AS amount FROM {before} GROUP BY grp"
                reads = (before,)
            case 9:
                table = f"m{chain:03}_4"
                joined = f"{before} AS a JOIN {table} AS b ON a.id = b.id"
                sql = f"SELECT a.id, a.grp, a.amount + b.amount AS amount FROM {joined}"
                reads = (before, table)
            case _:
                sql = f"SELECT id, grp, amount + {depth} AS amount FROM {before} WHERE id <> -{depth}"
                reads = (before,)
        models.append(SmallModel(name, sql, depth in (4, 9), reads))
    return models


def write_chains(root: Path, data: Path, count: int) -> None:
    """A workspace of ``count`` chained models over TPC-H."""
    _fresh(root)
    _link_data(root, data)
    (root / "headwater.yaml").write_text(_settings("chains") + _sources("chains"))
    folder = root / "chains"
    folder.mkdir()
    for model in chains(count):
        output = "parquet" if model.table else "view"
        (folder / f"{model.name}.sql").write_text(f"MODEL (name {model.name}, output {output});\n{model.sql}\n")


def write_products(root: Path, data: Path, products: int, models_each: int) -> None:
    """``products`` products of ``models_each`` models; each product reads the last model of the one before it."""
    _fresh(root)
    _link_data(root, data)
    (root / "headwater.yaml").write_text(_settings("mesh"))
    for number in range(products):
        product = f"p{number:02}"
        folder = root / product
        folder.mkdir()
        (folder / "sources.yaml").write_text(_sources(None))
        for model in chains(models_each):
            sql = model.sql
            if model.name == "m000_0" and number:
                sql = f"SELECT id, grp, amount FROM p{number - 1:02}.m000_9"
            output = "parquet" if model.table else "view"
            (folder / f"{model.name}.sql").write_text(f"MODEL (name {model.name}, output {output});\n{sql}\n")


def _settings(name: str) -> str:
    return f"name: {name}\nenvironments:\n  local:\n    settings:\n      threads: 2\ndefault_environment: local\n"


def _sources(product: str | None) -> str:
    prefix = f"{product}." if product else ""
    lines = ["sources:"]
    for table in TABLES:
        lines += [f"  {prefix}{table}:", "    kind: files", f"    path: data/{table}.parquet"]
    return "\n".join(lines) + "\n"


def _fresh(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)


def _link_data(root: Path, data: Path) -> None:
    (root / "data").mkdir()
    for table in TABLES:
        (root / "data" / f"{table}.parquet").hardlink_to(data / f"{table}.parquet")
