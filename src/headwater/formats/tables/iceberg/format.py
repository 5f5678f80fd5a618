"""The Iceberg table format: what opening needs and what it can do."""

from __future__ import annotations

import importlib
from contextlib import suppress

from headwater.capabilities import TableCapability
from headwater.errors import MissingExtraError
from headwater.formats.tables.iceberg.storable import storable
from headwater.formats.tables.partitions import parse_transform
from headwater.spi.table import Table, TableLocation, TableSpec

__all__ = ["IcebergFormat"]


class IcebergFormat:
    """Apache Iceberg tables, format version 2, in a SQL catalog (SQLite in the lake's folder by default)."""

    name = "iceberg"
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
        try:
            import pyiceberg.catalog.sql  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("output iceberg", "iceberg") from error
        from headwater.formats.tables.iceberg.table import IcebergTable

        return IcebergTable(location)

    def prepare(self) -> None:
        with suppress(ImportError):
            importlib.import_module("headwater.formats.tables.iceberg.table")

    def check(self, spec: TableSpec) -> None:
        stored = storable.schema(spec.schema)
        for field in spec.partition_by:
            parse_transform(field, stored)
