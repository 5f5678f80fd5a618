"""Queries over published names become queries over role relations.

Apart from the kinds because each of them ends here: a relation's name is
replaced by what it stands for in an epoch, its alias stays, and so does the
rest of the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlglot import exp

from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Role, Statement, relation
from headwater.sql.parse import generate
from headwater.types import RelationName, quote_identifier

__all__ = [
    "candidate_without_origin",
    "provenance_columns",
    "put_in_role",
    "text_in_role",
    "texts_in_roles",
]

provenance_columns: Final = (SOURCE_COLUMN, OFFSET_COLUMN)


def put_in_role(tables: Iterable[tuple[exp.Table, RelationName]], role: str) -> None:
    """Name, in place, each relation of a query as that relation in a role."""
    for table, name in tables:
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(f"{role}.{name}", quoted=True))


def text_in_role(text: str, tables: Iterable[tuple[exp.Table, RelationName]], role: Role) -> str:
    """The text of a query with each relation named as that relation in a role, and not a letter changed elsewhere."""
    places = sorted(tables, key=lambda place: int(place[0].this.meta["start"]))
    parts: list[str] = []
    at = 0
    for table, name in places:
        start, end = table.this.meta["start"], table.this.meta["end"] + 1
        alias = "" if table.alias else f" AS {quote_identifier(table.name)}"
        parts += [text[at:start], relation(role, name), alias]
        at = end
    return "".join((*parts, text[at:]))


def texts_in_roles(
    text: str, tree: exp.Expr, tables: Iterable[tuple[exp.Table, RelationName]], roles: Sequence[Role]
) -> tuple[str, ...]:
    """A query over its relations in each of some roles: written once, and the tree is used up.

    Args:
        text: the query that the tree was read from; what stands for the role must not be in it.
    """
    mark = "_hw_role"
    while mark in text:
        mark += "_"
    put_in_role(tables, mark)
    written = generate(tree)
    return tuple(written.replace(f'"{mark}.', f'"{role}.') for role in roles)


def candidate_without_origin(name: RelationName, text: str) -> tuple[Statement, ...]:
    """The candidate of rows that have no single origin: provenance columns are NULL."""
    origin = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
    return (Statement(relation("candidate", name), f'SELECT "rows".*, {origin} FROM ({text}) AS "rows"'),)
