"""What differs between two queries, in words a reviewer would use.

Apart from the compiler: nothing is derived from it, it only explains. It lives
with the blocks because it compares queries block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

__all__ = ["describe_difference"]

_clauses: Final = {
    "where": "filter",
    "group": "grouping",
    "having": "filter of groups",
    "qualify": "filter of window functions",
    "distinct": "DISTINCT",
    "order": "order",
    "limit": "limit",
    "offset": "offset",
}


def describe_difference(old: str, new: str) -> tuple[str, ...]:
    """The parts of a query that changed, without output columns added or removed; those show in the schema.

    >>> describe_difference("SELECT a FROM t WHERE a > 1", "SELECT a + 1 AS a FROM t WHERE a > 2")
    ('column a computed otherwise', 'filter changed')
    >>> describe_difference("SELECT a FROM t", "SELECT a FROM u")
    ('what it reads changed',)
    """
    try:
        before, after = (sqlglot.parse_one(text, dialect="duckdb") for text in (old, new))
    except (ParseError, TokenError):
        return ("query changed",)
    return tuple(dict.fromkeys(_differences(before, after)))


def _differences(old: exp.Expr, new: exp.Expr) -> Iterator[str]:
    old, new = old.unnest(), new.unnest()
    yield from _named_parts(_ctes(old), _ctes(new))
    if not (isinstance(old, exp.Select) and isinstance(new, exp.Select)):
        if _without_ctes(old) != _without_ctes(new):
            yield "query changed"
        return
    yield from _columns(old, new)
    if _sources(old) != _sources(new):
        yield "what it reads changed"
    for key, what in _clauses.items():
        was, now = old.args.get(key), new.args.get(key)
        if was != now:
            yield f"{what} {'added' if not was else 'removed' if not now else 'changed'}"


def _named_parts(old: dict[str, exp.Expr], new: dict[str, exp.Expr]) -> Iterator[str]:
    for name in dict.fromkeys((*old, *new)):
        if name not in old:
            yield f"{name} added"
        elif name not in new:
            yield f"{name} removed"
        elif old[name] != new[name]:
            yield from (f"{name}: {text}" for text in _differences(old[name], new[name]))


def _columns(old: exp.Select, new: exp.Select) -> Iterator[str]:
    """Columns that both have and compute differently; added and removed ones show in the schema."""
    was = {column.alias_or_name: column.unalias() for column in old.expressions}
    for column in new.expressions:
        name = column.alias_or_name
        if name in was and was[name] != column.unalias():
            yield f"column {name} computed otherwise"


def _ctes(query: exp.Expr) -> dict[str, exp.Expr]:
    return {cte.alias: cte.this for cte in getattr(query, "ctes", ())}


def _without_ctes(query: exp.Expr) -> exp.Expr:
    bare = query.copy()
    bare.set("with_", None)
    return bare


def _sources(query: exp.Select) -> list[object]:
    return [query.args.get(key) for key in ("from_", "joins", "laterals")]
