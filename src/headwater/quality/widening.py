"""Which column types hold every value of another.

Apart from compatibility because it is a table of facts about types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headwater.types import DataType

__all__ = ["holds"]

_integer_digits: Final[Mapping[str, int]] = {
    "TINYINT": 3,
    "UTINYINT": 3,
    "SMALLINT": 5,
    "USMALLINT": 5,
    "INTEGER": 10,
    "UINTEGER": 10,
    "BIGINT": 19,
    "UBIGINT": 20,
    "HUGEINT": 39,
    "UHUGEINT": 39,
}
_signed: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_unsigned: Final = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_mantissa_digits: Final[Mapping[str, int]] = {"FLOAT": 7, "DOUBLE": 15}
_precision: Final = ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP")


def holds(wide: DataType, narrow: DataType) -> bool:
    """Every value of ``narrow`` is a value of ``wide``, exactly.

    >>> holds(DataType.parse("bigint"), DataType.parse("integer"))
    True
    >>> holds(DataType.parse("decimal(9,2)"), DataType.parse("decimal(10,2)"))
    False
    """
    if wide == narrow:
        return True
    if wide.is_numeric and narrow.is_numeric:
        return _number_holds(wide, narrow)
    if wide.name in _precision and narrow.name in _precision:
        return _precision.index(wide.name) >= _precision.index(narrow.name)
    if wide.name in ("LIST", "MAP") and wide.name == narrow.name and wide.element and narrow.element:
        keys = wide.key is None or narrow.key is None or holds(wide.key, narrow.key)
        return keys and holds(wide.element, narrow.element)
    if wide.name == narrow.name == "STRUCT":
        members = {field.name.casefold(): field.type for field in wide.fields}
        return all(
            (member := members.get(field.name.casefold())) is not None and holds(member, field.type)
            for field in narrow.fields
        )
    return False


def _number_holds(wide: DataType, narrow: DataType) -> bool:
    if narrow.name in ("FLOAT", "DOUBLE"):
        return wide.name == "DOUBLE" and narrow.name == "FLOAT"
    whole, fraction = _digits(narrow)
    if wide.name in _mantissa_digits:
        return whole + fraction <= _mantissa_digits[wide.name]
    if wide.name == "DECIMAL":
        wide_whole, wide_fraction = _digits(wide)
        return wide_whole >= whole and wide_fraction >= fraction
    return narrow.name != "DECIMAL" and _integer_holds(wide.name, narrow.name)


def _digits(type: DataType) -> tuple[int, int]:
    """Digits before and after the point."""
    if type.name == "DECIMAL":
        precision, scale = type.arguments
        return precision - scale, scale
    return _integer_digits[type.name], 0


def _integer_holds(wide: str, narrow: str) -> bool:
    if (wide in _signed) == (narrow in _signed):
        order = _signed if wide in _signed else _unsigned
        return order.index(wide) >= order.index(narrow)
    return wide in _signed and _signed.index(wide) > _unsigned.index(narrow)
