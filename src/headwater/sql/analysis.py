"""What is known of a query after analysis, as values that need no parser to read.

Apart from the analyser so that an analysis can be cached, compared and shipped:
a workspace of a thousand models is planned without parsing any of them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from headwater.errors import Location
from headwater.types import FieldPath, RelationName, Schema
from headwater.values import frozen

__all__ = ["Analysis", "Binder", "ColumnLineage", "ColumnReference", "FieldUse", "QueryWarning"]


class Binder(Protocol):
    """Tells the exact output columns of engine SQL, given the schemas of what it reads.

    ``relations`` maps the table names that stand in ``sql`` (quoted
    ``product.relation`` identifiers) to their schemas. No data is read. Raises
    :class:`headwater.errors.DeclarationError` without location when the engine
    refuses the query.
    """

    def __call__(self, sql: str, relations: Mapping[str, Schema]) -> Schema: ...


@dataclass(frozen=True, slots=True, order=True)
class ColumnReference:
    relation: RelationName
    column: str


@frozen
class ColumnLineage:
    """Where one output column comes from.

    ``direct`` columns flow into the value; ``indirect`` ones only decide which
    rows there are (filters, join keys, groupings, orderings), as OpenLineage
    tells them apart. ``transformation`` is ``identity``, ``expression`` or ``aggregation``.
    """

    column: str
    direct: tuple[ColumnReference, ...]
    indirect: tuple[ColumnReference, ...]
    transformation: str


@dataclass(frozen=True, slots=True, order=True)
class FieldUse:
    """A field on which a query's result depends; of ``relation`` all when ``path`` is empty.

    ``output`` is the only column that depends on it; '': the rows do, or more than one column.
    """

    relation: RelationName
    path: FieldPath
    output: str = ""


@frozen
class QueryWarning:
    """Something that makes a query's result depend on more than its inputs, such as LIMIT without an order."""

    message: str
    hint: str
    where: Location


@frozen
class Analysis:
    """A model's query, understood.

    ``canonical`` is the qualified query in one fixed text form: equal for
    queries that differ in formatting and comments only; fingerprints hash it.
    ``engine_sql`` is the query for the embedded engine: every relation it reads stands as one
    quoted ``"product.relation"`` identifier, window table functions lowered to
    plain SQL. ``schema`` gives the exact output columns. ``fields`` are those that the result
    depends on; None when they are not known.
    """

    canonical: str
    engine_sql: str
    schema: Schema
    reads: tuple[RelationName, ...]
    lineage: tuple[ColumnLineage, ...] = field(default=())
    warnings: tuple[QueryWarning, ...] = field(default=())
    fields: tuple[FieldUse, ...] | None = None
