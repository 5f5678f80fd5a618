"""Every table is read back by another implementation than the one that wrote it.

Written by headwater: the logs, manifests' contents and metadata; by pyarrow: the
data files. Read here by

* Parquet: DuckDB's and Polars' own Parquet readers and pyarrow's dataset discovery, over the published glob;
* Delta: delta-rs (kernel log replay, DataFusion scan) and Polars' reader on top of the files delta-rs lists;
* Iceberg: pyiceberg through its own SqlCatalog, and Polars' native Iceberg reader.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import polars
import pyarrow.dataset
import pytest
from pyiceberg.avro.file import AvroFile
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.schema import Schema

from headwater.formats.tables.delta import DeltaFormat
from headwater.formats.tables.iceberg import IcebergFormat
from headwater.formats.tables.parquet import ParquetFormat
from headwater.spi import Appended, MaintenancePolicy, PublishMode, Replaced
from headwater.testing.table_bench import TableBench, read_rows

SCHEMA = {
    "id": "bigint",
    "origin": "varchar",
    "at": "timestamptz",
    "local": "timestamp",
    "day": "date",
    "price": "decimal(12,2)",
    "tags": "varchar[]",
    "place": "struct(name varchar, lat double)",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": number,
        "origin": ["EWR", "JFK", None][number % 3],
        "at": datetime(2013, 1, 1 + number, 23, 59, 59, 999999, UTC),
        "local": datetime(1969, 12, 31, 12, 30, tzinfo=UTC).replace(tzinfo=None) if number else None,
        "day": date(2013, 1, 1 + number),
        "price": Decimal(number) - Decimal("0.25"),
        "tags": ["a", None][: number % 3],
        "place": {"name": f"né {number}", "lat": number / 3} if number % 2 else None,
    }
    for number in range(9)
]
EVOLVED = {"key": "bigint", **{name: text for name, text in SCHEMA.items() if name != "id"}, "added": "boolean"}


def _publish(bench: TableBench, partition_by: tuple[str, ...]) -> list[dict[str, Any]]:
    """A table with a past: replaced, appended to, renamed, compacted, appended to again."""
    bench.publish(ROWS[:1], SCHEMA, partition_by=partition_by)
    bench.publish(ROWS[:3], SCHEMA, PublishMode.REPLACE, partition_by=partition_by)
    bench.publish(ROWS[3:6], SCHEMA, partition_by=partition_by)
    evolved = [{"key": row["id"], **row, "added": None} for row in ROWS[:6]]
    new = [{"key": row["id"], **row, "added": True} for row in ROWS[6:]]
    renames = {"key": "id"}
    bench.publish(new[:2], EVOLVED, partition_by=partition_by, renames=renames)
    bench.open().maintain(MaintenancePolicy(), now=datetime.now(UTC))
    bench.publish(new[2:], EVOLVED, partition_by=partition_by, renames=renames)
    bench.stage(new, EVOLVED, partition_by=partition_by)  # nobody may see these
    return [{name: row[name] for name in EVOLVED} for row in [*evolved, *new]]


def _rows(table: Any) -> list[dict[str, Any]]:
    """Rows in the order of their key, with headwater's columns only."""
    found = table.to_dicts() if isinstance(table, polars.DataFrame) else table.to_pylist()
    return sorted(({name: row[name] for name in EVOLVED} for row in found), key=lambda row: row["key"])


@pytest.mark.parametrize("partition_by", [(), ("origin",), ("month(at)",)])
def test_parquet_is_read_by_a_glob(tmp_path: Path, partition_by: tuple[str, ...]) -> None:
    bench = TableBench.in_folder(ParquetFormat(), tmp_path)
    expected = _publish(bench, partition_by)
    pattern = f"{bench.folder}/current/**/*.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        read = connection.sql(
            "SELECT * FROM read_parquet($1, union_by_name = true, hive_partitioning = true)", params=[pattern]
        )
        assert _rows(read.to_arrow_reader().read_all()) == expected
    assert (
        _rows(polars.read_parquet(pattern, hive_partitioning=bool(partition_by), missing_columns="insert")) == expected
    )
    if not partition_by:
        found = pyarrow.dataset.dataset(bench.folder / "current", format="parquet", exclude_invalid_files=True)
        assert len(_rows(found.to_table())) == len(expected)


@pytest.mark.parametrize("partition_by", [(), ("origin",), ("month(at)",)])
def test_delta_is_read_by_delta_rs(tmp_path: Path, partition_by: tuple[str, ...]) -> None:
    bench = TableBench.in_folder(DeltaFormat(), tmp_path)
    expected = _publish(bench, partition_by)
    table = deltalake.DeltaTable(str(bench.folder))
    with_datafusion = deltalake.QueryBuilder().register("t", table).execute("SELECT * FROM t")
    assert _rows(pyarrow.table(with_datafusion.read_all())) == expected
    assert _rows(polars.read_delta(str(bench.folder))) == expected
    assert table.transaction_version("headwater:shop.orders:f1") == 5
    pruned = deltalake.QueryBuilder().register("t", table)
    late = pruned.execute("SELECT key FROM t WHERE at >= TIMESTAMP '2013-01-09T00:00:00Z' AND price > 7")
    assert pyarrow.table(late.read_all()).num_rows == 1


@pytest.mark.filterwarnings("ignore::polars.exceptions.PerformanceWarning")
@pytest.mark.parametrize("partition_by", [(), ("origin",), ("month(at)", "bucket[3](origin)")])
def test_iceberg_is_read_by_pyiceberg_and_polars(tmp_path: Path, partition_by: tuple[str, ...]) -> None:
    bench = TableBench.in_folder(IcebergFormat(), tmp_path)
    expected = _publish(bench, partition_by)
    catalog = SqlCatalog("headwater", uri=f"sqlite:///{bench.location.lake}/catalog.db")
    table = catalog.load_table("shop.orders")
    assert _rows(table.scan().to_arrow()) == expected
    assert (
        _rows(table.scan(row_filter="at >= '2013-01-09T00:00:00+00:00' and origin is null").to_arrow()) == expected[8:]
    )
    assert _rows(polars.scan_iceberg(table, reader_override="native").collect()) == expected
    summary = table.current_snapshot().summary
    assert (summary["headwater.epoch"], summary["total-records"]) == ("5", "9")
    catalog.engine.dispose()


def test_manifests_carry_the_schema_they_name(tmp_path: Path) -> None:
    bench = TableBench.in_folder(IcebergFormat(), tmp_path)
    _publish(bench, ())
    catalog = SqlCatalog("headwater", uri=f"sqlite:///{bench.location.lake}/catalog.db")
    schemas = catalog.load_table("shop.orders").schemas()
    for path in (bench.folder / "metadata").glob("*-m?.avro"):
        with AvroFile(PyArrowFileIO().new_input(str(path))) as manifest:
            written = Schema.model_validate_json(manifest.header.meta["schema"])
        assert written.fields == schemas[written.schema_id].fields
    catalog.engine.dispose()


def test_another_iceberg_writer_and_ours_take_turns(tmp_path: Path) -> None:
    bench = TableBench.in_folder(IcebergFormat(), tmp_path)
    first = bench.publish([{"id": 1}], {"id": "bigint"})
    catalog = SqlCatalog("headwater", uri=f"sqlite:///{bench.location.lake}/catalog.db")
    catalog.load_table("shop.orders").append(pyarrow.table({"id": [2]}))
    bench.publish([{"id": 3}], {"id": "bigint"})
    assert [row["id"] for row in bench.rows()] == [1, 2, 3]
    assert catalog.load_table("shop.orders").scan().count() == 3
    changes = bench.open().changes(first)
    assert isinstance(changes, Appended)
    assert sorted(row["id"] for row in read_rows(changes.rows)) == [2, 3]
    catalog.engine.dispose()


def test_another_delta_writer_and_ours_take_turns(tmp_path: Path) -> None:
    bench = TableBench.in_folder(DeltaFormat(), tmp_path)
    table = bench.open()
    first = bench.publish([{"id": 1}], {"id": "bigint"}, table=table)
    deltalake.write_deltalake(str(bench.folder), pyarrow.table({"id": [2]}), mode="append")
    bench.publish([{"id": 3}], {"id": "bigint"}, table=table)
    assert [row["id"] for row in bench.rows()] == [1, 2, 3]
    deltalake.DeltaTable(str(bench.folder)).optimize.compact()
    changes = table.changes(first)
    assert isinstance(changes, Appended)
    assert sorted(row["id"] for row in read_rows(changes.rows)) == [2, 3]
    deltalake.DeltaTable(str(bench.folder)).delete("id = 2")
    assert isinstance(table.changes(first), Replaced)
    assert (table.row_count(), [row["id"] for row in bench.rows()]) == (2, [1, 3])
