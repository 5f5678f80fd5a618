"""Column types in Flink's words.

Apart from expressions because tables are declared with them too. A time column
of Flink has milliseconds; what DuckDB keeps beyond them is cut (quirks.md).
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.types import DataType

__all__ = ["data_type", "flink_type"]

_names: Final = {
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "HUGEINT": "DECIMAL(38, 0)",
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20, 0)",
    "UHUGEINT": "DECIMAL(38, 0)",
    "INT128": "DECIMAL(38, 0)",
    "UINT128": "DECIMAL(38, 0)",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "STRING",
    "JSON": "STRING",
    "UUID": "STRING",
    "BLOB": "BYTES",
    "DATE": "DATE",
    "TIME": "TIME(0)",
    "TIMESTAMP": "TIMESTAMP(3)",
    "TIMESTAMP_S": "TIMESTAMP(0)",
    "TIMESTAMP_MS": "TIMESTAMP(3)",
    "TIMESTAMP_NS": "TIMESTAMP(9)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ(3)",
}


def flink_type(column_type: DataType) -> str:
    """A column type in Flink's words; raises ValueError for one Flink has not.

    >>> flink_type(DataType.parse("STRUCT(a INTEGER, b VARCHAR[])"))
    'ROW<`a` INT, `b` ARRAY<STRING>>'
    >>> flink_type(DataType.parse("MAP(VARCHAR, TIMESTAMPTZ)"))
    'MAP<STRING, TIMESTAMP_LTZ(3)>'
    """
    match column_type.name:
        case "DECIMAL":
            precision, scale = column_type.arguments
            return f"DECIMAL({precision}, {scale})"
        case "LIST" | "ARRAY" if column_type.element is not None:
            return f"ARRAY<{flink_type(column_type.element)}>"
        case "MAP" if column_type.key is not None and column_type.element is not None:
            return f"MAP<{flink_type(column_type.key)}, {flink_type(column_type.element)}>"
        case "STRUCT":
            members = (f"{quoted(member.name)} {flink_type(member.type)}" for member in column_type.fields)
            return f"ROW<{', '.join(members)}>"
        case name if name in _names:
            return _names[name]
        case name:
            raise ValueError(f"Flink has no type {name}")


def quoted(name: str) -> str:
    """An identifier in backticks."""
    return "`" + name.replace("`", "``") + "`"


def data_type(text: str) -> exp.DataType:
    """A type node that is written as ``text``."""
    return exp.DataType(this=exp.DType.USERDEFINED, kind=text)
