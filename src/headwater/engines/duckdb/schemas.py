"""Schemas as DuckDB reports them, read into headwater's.

Apart because binding, describing and decoding all ask DuckDB for types.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from headwater.errors import DeclarationError
from headwater.types import Column, DataType, Schema, TypeSyntaxError, quote_identifier

__all__ = ["to_schema"]


def to_schema(names: Sequence[str], types: Sequence[str]) -> Schema:
    """A schema from what DuckDB reports. Raises DeclarationError for a type that no table can keep."""
    columns: list[Column] = []
    for name, text in zip(names, types, strict=True):
        if text == '"NULL"':
            text = "INTEGER"  # noqa: PLW2901 - what DuckDB stores for a column of NULLs
        try:
            columns.append(Column(name, _type(text)))
        except TypeSyntaxError as error:
            raise DeclarationError(
                f"column '{name}' has the type {text}, which cannot be published",
                hint=f"cast it, for example CAST({quote_identifier(name)} AS VARCHAR)",
            ) from error
    return Schema(tuple(columns))


@lru_cache(maxsize=4096)
def _type(text: str) -> DataType:
    return DataType.parse(text)
