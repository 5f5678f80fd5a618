"""What an engine says of the Parquet files that it wrote."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from headwater.engines.duckdb.engine import DuckDBEngine
from headwater.spi.codec import ParquetTarget
from headwater.types import Schema


def test_each_file_is_told_with_its_size_and_rows(tmp_path: Path) -> None:
    schema = Schema.of({"x": "BIGINT"})
    with DuckDBEngine().query({}) as session:
        session.create('"t"', "SELECT CAST(hash(i) // 2 AS BIGINT) AS x FROM range(600000) r(i)")
        for name, file_bytes in (("one", 100_000_000), ("many", 1_000_000)):
            folder = tmp_path / name
            target = ParquetTarget(str(folder), schema, file_bytes=file_bytes)
            files = session.write_parquet("SELECT x FROM t", target)  # type: ignore[attr-defined]
            assert (len(files) == 1) == (name == "one")
            assert sum(file.rows for file in files) == 600_000
            for file in files:
                assert file.size == (folder / file.name).stat().st_size
                assert file.rows == pq.read_metadata(folder / file.name).num_rows
