"""What an engine says of the Parquet files that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from headwater.engines.duckdb.encode_parquet import _copy
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


class Forgetful:
    """A connection that lacks memory the first time, when it has already written something."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection, self.folder, self.asked = connection, folder, 0

    def execute(self, *statement: object) -> duckdb.DuckDBPyConnection:
        self.asked += 1
        if self.asked == 1:
            (self.folder / "left.parquet").write_bytes(b"half")
            raise duckdb.OutOfMemoryException("no more")
        return self.connection.execute(*statement)  # type: ignore[arg-type]


def test_what_was_written_until_memory_lacked_is_not_in_the_way(tmp_path: Path) -> None:
    target = ParquetTarget(str(tmp_path / "a"), Schema.of({"x": "BIGINT"}))
    with duckdb.connect() as connection:
        forgetful: Any = Forgetful(connection, tmp_path / "a")
        with pytest.raises(duckdb.OutOfMemoryException):
            _copy("SELECT 1 AS x", target, forgetful)
        (written,) = _copy("SELECT 1 AS x", target, forgetful)
    assert [path.name for path in (tmp_path / "a").iterdir()] == [written.name]


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "theirs.parquet").write_bytes(b"")
    with duckdb.connect() as connection:
        forgetful: Any = Forgetful(connection, tmp_path)
        with pytest.raises(duckdb.OutOfMemoryException):
            _copy("SELECT 1 AS x", ParquetTarget(str(tmp_path), Schema.of({"x": "BIGINT"})), forgetful)
    assert (tmp_path / "theirs.parquet").exists()
