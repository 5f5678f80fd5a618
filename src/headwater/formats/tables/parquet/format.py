"""The Parquet table format: what opening needs and what it can do."""

from __future__ import annotations

from headwater.capabilities import TableCapability
from headwater.spi.table import Table, TableLocation

__all__ = ["ParquetFormat"]


class ParquetFormat:
    """Parquet files in folders, for readers that glob ``<table>/current/**/*.parquet``."""

    name = "parquet"
    capabilities = frozenset(
        {
            TableCapability.TRANSACTION_ID,
            TableCapability.REPLACE,
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
