"""Publishing 10 M rows to Delta and Iceberg: through headwater's table formats, and by the library alone.

Run as ``python -m benchmarks.publishing headwater|library delta|iceberg FOLDER``; prints the seconds
that publishing took, without making the data.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import duckdb
import pyarrow

ROWS = 10_000_000
QUERY = f"""
SELECT
    i AS id,
    (hash(i) % 100000)::INTEGER AS customer,
    (hash(i + 1) % 1000)::INTEGER AS product,
    'channel ' || (hash(i + 2) % 20)::VARCHAR AS channel,
    'note ' || (hash(i + 3) % 5000)::VARCHAR AS note,
    (hash(i + 4) % 1000000) / 100.0 AS amount,
    TIMESTAMP '2024-01-01' + to_seconds(i) AS happened_at
FROM range({ROWS}) AS r (i)
"""


def by_headwater(table: pyarrow.Table, name: str, folder: Path) -> None:
    from headwater.spi import CommitId, PublishMode, TableLocation, TableSpec, discovery
    from headwater.spi.arrow import column_schema
    from headwater.types import RelationName

    relation = RelationName("bench", "rows")
    opened = discovery.table_format(name).open(TableLocation(str(folder), relation))
    spec = TableSpec(column_schema(table.schema))
    opened.commit(opened.stage(table.to_reader(), spec, CommitId(relation, "bench", 1), PublishMode.APPEND))


def by_library(table: pyarrow.Table, name: str, folder: Path) -> None:
    if name == "delta":
        from deltalake import write_deltalake

        write_deltalake(str(folder / "rows"), table, mode="append")
        return
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("bench")
    catalog.create_table("bench.rows", table.schema).append(table)


def main() -> None:
    who, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table = duckdb.connect().execute(QUERY).to_arrow_table()
    publish = by_headwater if who == "headwater" else by_library
    started = time.perf_counter()
    publish(table, name, folder)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
