"""The bound: the same SQL in a bare DuckDB script, with nothing around it.

Run as ``python -m benchmarks.bare tpch|chains DATA OUT [COUNT]``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

from benchmarks.workspaces import HERE, TABLES, chains


def main() -> None:
    what, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    connection = duckdb.connect(str(out / "bare.duckdb"))
    connection.execute("SET threads = 2")
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{data / table}.parquet')")
    if what == "tpch":
        for query in sorted((HERE / "queries").glob("q*.sql")):
            connection.execute(f"COPY ({query.read_text()}) TO '{out / query.stem}.parquet' (FORMAT parquet)")
    else:
        for model in chains(int(sys.argv[4])):
            connection.execute(f"CREATE {'TABLE' if model.table else 'VIEW'} {model.name} AS {model.sql}")
    connection.close()


if __name__ == "__main__":
    main()
