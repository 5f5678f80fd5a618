"""Columns are inferred from files as the decoder would read them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.engines.duckdb import DuckDBEngine
from headwater.errors import DataError
from headwater.spi.codec import FileScan, ScanFile
from headwater.types import Json, Schema

from .conftest import Scan


@pytest.mark.parametrize(
    ("content", "options", "columns"),
    [
        (b"id,day,name\n1,2020-01-02,a\n2,,b\n", {}, {"id": "BIGINT", "day": "DATE", "name": "VARCHAR"}),
        (b"id;x\n1;1,5\n", {"delimiter": ";"}, {"id": "BIGINT", "x": "VARCHAR"}),
        (b"id,x\n1,NA\n2,1.5\n", {"null": "NA"}, {"id": "BIGINT", "x": "DOUBLE"}),
        (b"id,x\n1,2\nragged\n3,4\n", {}, {"id": "BIGINT", "x": "BIGINT"}),
        ("größe,n\nä,1\n".encode("cp1252"), {"encoding": "cp1252"}, {"größe": "VARCHAR", "n": "BIGINT"}),
        (b"at\n2013-01-01T10:00:00Z\n", {}, {"at": "TIMESTAMPTZ"}),
    ],
)
def test_csv(
    engine: DuckDBEngine, scan: Scan, content: bytes, options: dict[str, Json], columns: dict[str, str]
) -> None:
    assert engine.describe(scan("csv", content, **options)) == Schema.of(columns)


def test_csv_with_another_delimiter_says_so(engine: DuckDBEngine, scan: Scan) -> None:
    with pytest.raises(DataError) as caught:
        engine.describe(scan("csv", b"id;name\n1;a\n"))
    assert caught.value.detail == "the header has one column, with ';' inside: set the source's 'delimiter'"


def test_ndjson(engine: DuckDBEngine, scan: Scan) -> None:
    content = b'{"id": 1, "more": {"x": [1.5]}, "any": 1}\nbroken\n{"id": 2, "any": {"k": "v"}}\n'
    found = engine.describe(scan("ndjson", content))
    assert found == Schema.of({"id": "BIGINT", "more": "STRUCT(x DOUBLE[])", "any": "VARCHAR"})
    with pytest.raises(DataError):
        engine.describe(scan("ndjson", b"[1]\n[2]\n"))


def test_parquet(engine: DuckDBEngine, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1], pa.int32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": pa.array([1], pa.int64()), "y": ["a"]}), tmp_path / "b.parquet")
    files = tuple(ScanFile(str(tmp_path / name), name, 0) for name in ("a.parquet", "b.parquet"))
    assert engine.describe(FileScan("parquet", files)) == Schema.of({"x": "BIGINT", "y": "VARCHAR"})


def test_nothing_to_infer_from(engine: DuckDBEngine) -> None:
    with pytest.raises(DataError):
        engine.describe(FileScan("csv", ()))
