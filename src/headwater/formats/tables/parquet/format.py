"""The Parquet table format: what opening needs and what it can do."""

from __future__ import annotations

import importlib
from typing import Final

from headwater.capabilities import TableCapability
from headwater.formats.tables.partitions import resolve_partitions
from headwater.formats.tables.schemas import Storable
from headwater.spi.table import Table, TableLocation, TableSpec

__all__ = ["ParquetFormat", "storable"]

storable: Final = Storable("parquet", instead={})


class ParquetFormat:
    """Parquet files in folders, for readers that glob ``<table>/current/**/*.parquet``."""

    name = "parquet"
    capabilities = frozenset(
        {
            TableCapability.TRANSACTION_ID,
            TableCapability.REPLACE,
            TableCapability.MERGE,
            TableCapability.TIME_TRAVEL,
            TableCapability.ADD_COLUMN,
            TableCapability.WIDEN_COLUMN,
            TableCapability.RENAME_COLUMN,
            TableCapability.PARTITION,
        }
    )

    def open(self, location: TableLocation) -> Table:
        from headwater.formats.tables.parquet.table import ParquetTable

        return ParquetTable(location)

    def prepare(self) -> None:
        importlib.import_module("headwater.formats.tables.parquet.table")

    def check(self, spec: TableSpec) -> None:
        resolve_partitions(spec.partition_by, storable.schema(spec.schema), self.name)
