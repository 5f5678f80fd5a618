"""A data contract as values: schema, rules, budgets and event time (Bitol ODCS 3.2.0).

Apart from the ODCS reader, so that quality depends on promises and not on a
file format. ``Contract.document`` keeps the whole file for loss-free writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from typing import Literal, TypeAlias

from headwater.errors import Location
from headwater.types import DataType, Json
from headwater.values import frozen

__all__ = ["Budget", "Contract", "EventTime", "Property", "QualityRule", "Reference", "Severity"]

Severity: TypeAlias = Literal["error", "warning", "info"]


@frozen
class Budget:
    """How many rows of one epoch may be refused before publication is blocked; None means no limit of that sort.

    ``percent`` is of the rows read, 0 to 100.
    """

    rows: int | None = None
    percent: float | None = None


@frozen
class EventTime:
    """When a row happened, and how long headwater waits for late ones."""

    column: str
    watermark: timedelta
    late: Literal["quarantine", "drop"] = "quarantine"
    idle: timedelta | None = None
    future: timedelta | None = None
    where: Location | None = None


@frozen
class Reference:
    """Every non-null value of ``columns`` must stand in ``to_columns`` of another contract's schema object.

    ``to`` is ``product.relation`` or a relation of the same product.
    """

    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]
    where: Location | None = None


@frozen
class QualityRule:
    """One entry of an ODCS ``quality`` list, of a property or of the whole relation.

    ``type`` is ``library``, ``sql``, ``text`` or ``custom``; ``metric`` the
    library metric; ``operator`` one of the ODCS ``mustBe...`` names with its
    ``threshold``; ``arguments`` the metric's own.
    """

    type: Literal["library", "sql", "text", "custom"]
    name: str | None = None
    metric: str | None = None
    query: str | None = None
    operator: str | None = None
    threshold: Json = None
    unit: Literal["rows", "percent"] = "rows"
    column: str | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    severity: Severity = "error"
    description: str | None = None
    where: Location | None = None


@frozen
class Property:
    """A column of the contract's schema.

    ``logical_type`` is ODCS's (string, date, timestamp, time, number, integer,
    object, array, boolean ...), ``type`` the column type it stands for here
    (``physicalType`` when it reads as one), ``options`` the
    ``logicalTypeOptions`` (minLength, pattern, minimum, format ...).
    ``properties`` are an object's members, ``items`` what an array's elements or
    a map's values promise, ``map_key`` what a map's keys promise.
    """

    name: str
    logical_type: str | None = None
    type: DataType | None = None
    required: bool = False
    unique: bool = False
    primary_key_position: int | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    enum: tuple[Json, ...] = ()
    rules: tuple[QualityRule, ...] = ()
    properties: tuple[Property, ...] = ()
    items: Property | None = None
    map_key: Property | None = None
    description: str | None = None
    classification: str | None = None
    where: Location | None = None


@frozen
class Contract:
    """What a port promises, one schema object of an ODCS file.

    ``relation`` is the schema object's name: the model or source it is about.
    """

    id: str
    version: str
    relation: str
    path: str
    properties: tuple[Property, ...] = ()
    rules: tuple[QualityRule, ...] = ()
    references: tuple[Reference, ...] = ()
    budget: Budget | None = None
    event_time: EventTime | None = None
    status: str | None = None
    document: Mapping[str, Json] = field(default_factory=dict)
    where: Location | None = None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The key columns, in key order; empty when the contract names none."""
        keyed = [p for p in self.properties if p.primary_key_position is not None]
        return tuple(p.name for p in sorted(keyed, key=lambda p: p.primary_key_position or 0))
