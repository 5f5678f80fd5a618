"""SQL text made safe: literals, and names derived from other names.

Apart because it is the one way for a value to enter SQL text where DuckDB takes
no parameter (view definitions, the arguments of table functions).
"""

from __future__ import annotations

from collections.abc import Iterable

from headwater.types import Schema, quote_identifier, quote_text

__all__ = ["auxiliary", "empty_relation", "literal_list", "unquoted"]


def literal_list(values: Iterable[str]) -> str:
    """A list of string literals, as table functions take it.

    >>> literal_list(["a", "b"])
    "['a', 'b']"
    """
    return "[" + ", ".join(quote_text(value) for value in values) + "]"


def unquoted(identifier: str) -> str:
    """The name inside a quoted identifier.

    >>> unquoted('"a ""b"')
    'a "b'
    """
    return identifier[1:-1].replace('""', '"')


def auxiliary(identifier: str, purpose: str) -> str:
    """The quoted name of a relation that serves another one.

    >>> auxiliary('"change.a.b"', "files")
    '"change.a.b#files"'
    """
    return quote_identifier(f"{unquoted(identifier)}#{purpose}")


def empty_relation(schema: Schema) -> str:
    """A query without rows that has the columns of a schema."""
    columns = ", ".join(f"CAST(NULL AS {column.type}) AS {quote_identifier(column.name)}" for column in schema)
    return f"SELECT {columns} WHERE false"
