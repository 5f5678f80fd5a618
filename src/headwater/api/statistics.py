"""What stands in the columns of a published relation: nulls, distinct values, and the values when they are few.

Apart from contracts because it is the one thing about them that reads data.
"""

from __future__ import annotations

from typing import Final

from headwater.api.project import Project
from headwater.api.shelf import Shelf
from headwater.quality import ColumnStatistics
from headwater.spi import discovery
from headwater.types import RelationName, quote_identifier

__all__ = ["seen_columns"]

_few: Final = 20


def seen_columns(project: Project, relation: RelationName) -> dict[str, ColumnStatistics] | None:
    """Statistics by column; None when nothing of the relation is published."""
    if relation not in project.workspace.models:
        return None
    with discovery.engine(project.environment.engine).query(project.layout.engine_settings) as session:
        shelf = Shelf(project, session)
        if not shelf.is_stored(relation):
            return None
        name = quote_identifier(str(relation))
        schema = shelf.provide(name, relation)
        columns = [column for column in schema if not column.type.fields and column.type.element is None]
        if not columns:
            return None
        counted = ", ".join(f"count({c}), count(DISTINCT {c})" for c in (quote_identifier(c.name) for c in columns))
        rows, *counts = session.fetch(f"SELECT count(*), {counted} FROM {name}")[0]
        found = {}
        for position, column in enumerate(columns):
            filled, distinct = counts[2 * position], counts[2 * position + 1]
            values = None
            if column.type.name == "VARCHAR" and distinct <= _few:
                quoted = quote_identifier(column.name)
                text = f"SELECT DISTINCT {quoted} FROM {name} WHERE {quoted} IS NOT NULL ORDER BY 1"
                values = tuple(value for (value,) in session.fetch(text))
            found[column.name] = ColumnStatistics(rows, rows - filled, distinct, values=values)
        return found
