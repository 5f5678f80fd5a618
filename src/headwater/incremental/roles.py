"""Queries over published names become queries over role relations.

Apart from the kinds because each of them ends here: a relation's name is
replaced by what it stands for in an epoch, its alias stays, and so does the
rest of the query.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlglot import exp

from headwater.incremental.blocks import tables_below
from headwater.relations import OFFSET_COLUMN, SOURCE_COLUMN, Role, Statement, relation
from headwater.types import RelationName

__all__ = ["provenance_columns", "put_in_role", "without_origin"]

provenance_columns: Final = (SOURCE_COLUMN, OFFSET_COLUMN)


def put_in_role(query: exp.Expr, role: Role, relations: Collection[RelationName]) -> None:
    """Replace, in place, each relation of a query by that relation in a role."""
    by_name = {str(name).casefold(): name for name in relations}
    for table in list(tables_below(query)):
        name = by_name.get(table.name.casefold())
        if name is None:
            continue
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(f"{role}.{name}", quoted=True))


def without_origin(name: RelationName, query: exp.Expr) -> tuple[Statement, ...]:
    """The candidate of rows that have no single origin: provenance columns are NULL."""
    origin = f"CAST(NULL AS VARCHAR) AS {SOURCE_COLUMN}, CAST(NULL AS BIGINT) AS {OFFSET_COLUMN}"
    text = query.sql(dialect="duckdb")
    return (Statement(relation("candidate", name), f'SELECT "rows".*, {origin} FROM ({text}) AS "rows"'),)
