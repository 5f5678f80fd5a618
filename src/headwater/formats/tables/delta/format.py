"""The Delta table format: what opening needs and what it can do."""

from __future__ import annotations

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
        try:
            import deltalake  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtraError("output delta", "delta") from error
        from headwater.formats.tables.delta.table import DeltaLakeTable

        return DeltaLakeTable(location)

    def check(self, spec: TableSpec) -> None:
        resolve_partitions(spec.partition_by, storable.schema(spec.schema), self.name)
