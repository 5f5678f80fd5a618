"""The column types that an Iceberg table holds.

Apart from their translation because declarations are checked without pyiceberg,
which takes longer to import than a plan takes.
"""

from __future__ import annotations

from typing import Final

from headwater.formats.tables.schemas import Storable

__all__ = ["storable"]

storable: Final = Storable(
    "iceberg",
    instead={
        "TINYINT": "INTEGER",
        "SMALLINT": "INTEGER",
        "UTINYINT": "INTEGER",
        "USMALLINT": "INTEGER",
        "UINTEGER": "BIGINT",
        "UBIGINT": "DECIMAL(20,0)",
        "TIMESTAMP_NS": "TIMESTAMP",
    },
)
