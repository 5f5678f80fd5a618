"""What is kept of a decoded column when only some fields are asked for.

Apart from the decoders because it is about types only. All declared fields are decoded whatever is asked for, so
that the same records are refused: a number may be none, a key may stand in an object twice. What costs most is to
write values down, long texts above all; that is left out.
"""

from __future__ import annotations

from collections.abc import Collection

from headwater.types import Column, DataType, FieldPath
from headwater.values import frozen

__all__ = ["KeptColumn", "kept_column"]


@frozen
class KeptColumn:
    """A column of which some fields are kept.

    ``type`` is the column's own, a structure of fewer members, or None when nothing is kept.
    """

    column: Column
    type: DataType | None

    @property
    def is_whole(self) -> bool:
        return self.type == self.column.type

    def kept(self, value: str, read_as: DataType) -> str:
        """SQL of what is kept of a value that was read as some type."""
        return value if read_as == self.type else f"CAST({value} AS {self.type})"

    def shown(self, kept: str) -> str:
        """SQL of the column's type again; what was not kept is NULL."""
        if self.type is None:
            return f"CAST(NULL AS {self.column.type})"
        return kept if self.is_whole else f"CAST({kept} AS {self.column.type})"


def kept_column(column: Column, needed: Collection[FieldPath] | None) -> KeptColumn:
    """What is kept of a column when the fields ``needed`` are asked for; None: all.

    >>> str(kept_column(Column("bid", DataType.parse("STRUCT(price int, url text)")), [("bid", "price")]).type)
    'STRUCT("price" INTEGER)'
    """
    below = None if needed is None else _below(column.name, needed)
    return KeptColumn(column, _kept(column.type, below))


def _below(name: str, paths: Collection[FieldPath]) -> list[FieldPath] | None:
    """The rest of the paths that begin with a name; None when one of them is the name alone."""
    rest = [path[1:] for path in paths if path and path[0].casefold() == name.casefold()]
    return None if () in rest else rest


def _kept(type: DataType, below: list[FieldPath] | None) -> DataType | None:
    if below is None or (below and type.name != "STRUCT"):
        return type
    kept = [(field.name, _kept(field.type, _below(field.name, below))) for field in type.fields]
    fields = tuple(Column(name, of) for name, of in kept if of is not None)
    return DataType("STRUCT", fields=fields) if fields else None
