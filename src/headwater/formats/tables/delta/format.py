"""The Delta table format: what opening needs and what it can do."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from headwater.capabilities import TableCapability
from headwater.errors import MissingExtraError
from headwater.formats.tables.delta.types import storable
from headwater.formats.tables.partitions import resolve_partitions
from headwater.spi.table import Table, TableLocation, TableSpec

__all__ = ["DeltaFormat"]


class DeltaFormat:
    """Delta Lake tables, protocol (1, 2); (3, 7) with timestampNtz where a column has no time zone."""

    name = "delta"
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
        # Looked for, not imported: a table that is new, or only appended to, may never need it.
        if find_spec("deltalake") is None:
            raise MissingExtraError("output delta", "delta")
        from headwater.formats.tables.delta.table import DeltaLakeTable

        return DeltaLakeTable(location)

    def prepare(self) -> None:
        for module in ("headwater.formats.tables.delta.table", "pyarrow.parquet"):  # which reads statistics
            importlib.import_module(module)

    def check(self, spec: TableSpec) -> None:
        resolve_partitions(spec.partition_by, storable.schema(spec.schema), self.name)
