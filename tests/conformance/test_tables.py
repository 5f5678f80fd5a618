"""The built-in table formats, held to the public suite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from headwater.errors import DeclarationError
from headwater.formats.tables.delta import DeltaFormat
from headwater.formats.tables.iceberg import IcebergFormat
from headwater.formats.tables.parquet import ParquetFormat
from headwater.spi import TableFormat
from headwater.testing.table_bench import TableBench
from headwater.testing.tables import Gap, TableSuite

NO_HASH = Gap("readers of the format know no common hash", DeclarationError)


class TestParquet(TableSuite):
    gaps: ClassVar = {"test_a_bucketed_table": NO_HASH}

    def table_format(self) -> TableFormat:
        return ParquetFormat()

    def log_files(self, bench: TableBench) -> Sequence[Path]:
        return sorted((bench.folder / "current").resolve().rglob("_version.json"))


class TestDelta(TableSuite):
    gaps: ClassVar = {"test_a_bucketed_table": NO_HASH}
    refused_types: ClassVar = {"TIME": "the Delta protocol has no time of day"}

    def table_format(self) -> TableFormat:
        return DeltaFormat()

    def log_files(self, bench: TableBench) -> Sequence[Path]:
        return sorted((bench.folder / "_delta_log").glob("*.json"))


class TestIceberg(TableSuite):
    def table_format(self) -> TableFormat:
        return IcebergFormat()

    def log_files(self, bench: TableBench) -> Sequence[Path]:
        metadata = sorted((bench.folder / "metadata").glob("*.metadata.json"))[-1]
        snapshot = json.loads(metadata.read_text())["snapshots"][-1]
        manifests = list((bench.folder / "metadata").glob("*-m0.avro"))
        return [metadata, Path(snapshot["manifest-list"]), *manifests]
