"""Taking files out of a table by name, as merges do: what every format's log must agree about.

Apart from the formats because only the form of a log differs; which files may be
taken out, and when a staged change set no longer fits its table, does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from headwater.errors import ConflictError, DeclarationError
from headwater.formats.tables.schemas import as_written, evolve
from headwater.spi.table import Committable, TableSpec
from headwater.types import Schema

__all__ = ["conflict", "fits", "taken_out"]

File = TypeVar("File")


def fits(current: Schema, spec: TableSpec) -> bool:
    """Whether rows of ``spec``, as they are stored, are rows of the table as it is: columns, types and names."""
    try:
        return evolve(current, spec.schema, spec.renames).schema == current and as_written(current, spec) == spec.schema
    except DeclarationError:
        return False


def taken_out(committable: Committable, live: Mapping[str, File]) -> list[File]:
    """The files that a merge takes out of those that the table has, by their names. Raises ConflictError."""
    if not live.keys() >= set(committable.without):
        raise conflict(committable, "files that it stands on are no longer the table's")
    return [live[name] for name in committable.without]


def conflict(committable: Committable, detail: str) -> ConflictError:
    return ConflictError(
        f"the changes of {committable.id.relation}, epoch {committable.id.epoch}, no longer fit its table",
        detail=f"{detail}: another writer changed it after they were staged",
        hint="run again: the whole result replaces the table",
    )
