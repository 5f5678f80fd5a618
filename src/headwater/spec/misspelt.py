"""Physical types of a contract that were meant to be ours, by the look of them.

Apart from reading because such a contract is valid: ODCS lets ``physicalType``
say what another system calls the type, and then the logical type alone counts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from headwater.spec.contract import Contract
from headwater.spec.places import elements
from headwater.types import DataType, TypeSyntaxError, type_names

__all__ = ["misspelt_types"]

_names: Final = (
    "BIGNUMERIC BYTEINT CHAR2 CLOB DATETIME2 DATETIMEOFFSET DOUBLE PRECISION FIXED FLOAT64 INT64 INT96 "
    "LONGTEXT MEDIUMINT MEDIUMTEXT MONEY NCHAR NCLOB NTEXT NUMBER NVARCHAR NVARCHAR2 SMALLDATETIME SMALLSERIAL "
    "STRING SUPER TIMESTAMP_LTZ TIMESTAMP_NTZ TIMESTAMP_TZ TIMESTAMPLTZ TIMESTAMPNTZ TIMETZ TINYTEXT VARBINARY "
    "VARCHAR2 VARIANT XML"
)
_elsewhere: Final = frozenset(_names.split())
"""What other systems call their types, where it looks like one of ours."""


def misspelt_types(contract: Contract) -> Iterator[str]:
    """A warning for each column whose physical type is nearly one of ours, with its place."""
    places = {column.name: column.where for column in contract.properties}
    for table in elements((contract.document or {}).get("schema")):
        if (table.get("physicalName") or table.get("name")) != contract.relation:
            continue
        for column in elements(table.get("properties")):
            physical, name = column.get("physicalType"), str(column.get("physicalName") or column.get("name"))
            near = _nearest(physical) if isinstance(physical, str) else None
            if near:
                yield (
                    f"{places.get(name) or contract.path}: the physicalType '{physical}' of '{name}' is no type of "
                    f"headwater, so that only its logicalType counts; did you mean {near}?"
                )


def _nearest(text: str) -> str | None:
    word = text.partition("(")[0].strip().upper()
    try:
        known = DataType.parse(text).name in type_names
    except TypeSyntaxError:
        known = False
    if known or word in type_names or word in _elsewhere:
        return None
    near = difflib.get_close_matches(word, type_names, n=1, cutoff=0.8)
    return near[0] if near else None
