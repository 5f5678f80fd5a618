"""How two schemas of one relation differ, and which of the differences break readers.

Apart from the diff of plans because models and sources are compared by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping

from headwater.quality.widening import holds
from headwater.types import Column, Schema
from headwater.values import frozen

__all__ = ["SchemaChange", "compare_schemas"]


@frozen
class SchemaChange:
    """One difference in words. ``column`` is the column as readers knew it."""

    column: str
    text: str
    breaking: bool


def compare_schemas(old: Schema, new: Schema, renames: Mapping[str, str]) -> tuple[SchemaChange, ...]:
    """All differences, those of old columns first.

    Args:
        old: what was published last.
        new: what would be published now.
        renames: new column names to old ones, as declared.

    >>> [c.text for c in compare_schemas(Schema.of({"a": "int"}), Schema.of({"a": "bigint", "b": "text"}), {})]
    ['column a: INTEGER -> BIGINT', 'column b added']
    """
    renamed = {was.casefold(): now for now, was in renames.items()}
    changes: list[SchemaChange] = []
    for column in old:
        same = new.get(column.name)
        if same is None and column.name.casefold() in renamed:
            now = renamed[column.name.casefold()]
            changes.append(SchemaChange(column.name, f"column {column.name} renamed to {now}", breaking=True))
            same = new.get(now)
            if same is None:
                continue
        if same is None:
            changes.append(SchemaChange(column.name, f"column {column.name} removed", breaking=True))
        else:
            changes.extend(_compare_columns(column, same))
    taken = {now.casefold() for was, now in renamed.items() if old.get(was) is not None}
    changes.extend(
        SchemaChange(column.name, f"column {column.name} added", breaking=False)
        for column in new
        if old.get(column.name) is None and column.name.casefold() not in taken
    )
    if not changes and old.names != new.names:
        changes.append(SchemaChange("", "columns in another order", breaking=False))
    return tuple(changes)


def _compare_columns(old: Column, new: Column) -> list[SchemaChange]:
    changes: list[SchemaChange] = []
    if old.type != new.type:
        breaking = not holds(new.type, old.type)
        changes.append(SchemaChange(old.name, f"column {old.name}: {old.type} -> {new.type}", breaking))
    if not old.nullable and new.nullable:
        changes.append(SchemaChange(old.name, f"column {old.name} may be NULL now", breaking=True))
    elif old.nullable and not new.nullable:
        changes.append(SchemaChange(old.name, f"column {old.name} is never NULL now", breaking=False))
    return changes
