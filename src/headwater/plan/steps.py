"""The plan: what will be computed, in which order, and what differs from last time.

Frozen values built without side effects; ``plan`` prints them, ``run`` executes
the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from headwater.errors import Location
from headwater.incremental.program import ChangeMode, Program
from headwater.quality.checks import Judgement
from headwater.spec.contract import EventTime
from headwater.spec.declarations import Environment, OutputKind, PartitionField, Source
from headwater.sql.analysis import Analysis, ColumnReference
from headwater.types import FieldPath, RelationName, Schema
from headwater.values import frozen

__all__ = ["Difference", "ForeignPort", "KeyedSource", "ModelStep", "Plan", "ProductPlan", "Recorded", "SourceStep"]

ChangeClass: TypeAlias = Literal["added", "removed", "breaking", "non-breaking", "metadata", "unchanged"]


@frozen
class Recorded:
    """What the last run in this environment recorded of a relation.

    ``canonical`` is the query's canonical text, '' for a source. ``traits`` are the step's own
    (:attr:`ModelStep.traits`), so that the next plan can say which of them changed.
    """

    relation: RelationName
    fingerprint: str
    own_fingerprint: str
    schema: Schema
    canonical: str
    metadata_fingerprint: str
    output: str
    traits: Mapping[str, str] = field(default_factory=dict)


@frozen
class Difference:
    """How a relation differs from what was recorded, and why it is classed so.

    ``rebuild`` is True when its published content is computed anew from history.
    ``breaks`` names the columns of other models that a breaking change reaches.
    """

    relation: RelationName
    change: ChangeClass
    reason: str
    rebuild: bool
    breaks: tuple[ColumnReference, ...] = ()


@frozen
class KeyedSource:
    """A source whose records are changes of rows by key.

    Attributes:
        kind: ``upsert`` or ``debezium``.
        key: the columns by which rows are found again.
        required: the columns that every change must have, and what the declaration calls them: key and order.
        records: the columns of records.
        changes: the columns of a change: those of its row, whether it is a deletion, and its order.
        query: the changes, with their origin, of the relation ``records.<source>``.
        program: keeps the rows; it reads the accepted changes.
    """

    kind: str
    key: tuple[str, ...]
    required: Mapping[str, str]
    records: Schema
    changes: Schema
    query: str
    program: Program


@frozen
class SourceStep:
    """Read a source. ``judgement`` is None when the source has no contract, and is not keyed.

    Of a ``keyed`` one the records are changes, and ``schema`` are the columns of the rows that they leave.
    ``needed`` are the fields that models and contracts ask for, None: all; ``readers`` is how many models read them,
    through views as well.
    """

    source: Source
    relation: RelationName
    schema: Schema
    judgement: Judgement | None
    fingerprint: str
    metadata_fingerprint: str = ""
    traits: Mapping[str, str] = field(default_factory=dict)
    keyed: KeyedSource | None = None
    needed: tuple[FieldPath, ...] | None = None
    readers: int = 1

    @property
    def judged(self) -> Schema:
        """The columns of what its contract judges: rows, of a keyed one changes."""
        return self.keyed.changes if self.keyed else self.schema

    @property
    def event_time(self) -> EventTime | None:
        """What its rows' time is, when its contract says so."""
        return self.judgement.event_time if self.judgement else None


@frozen
class ForeignPort:
    """A relation of another product that this product reads where it was published.

    ``event_time`` is what the port's own contract says.
    """

    relation: RelationName
    schema: Schema
    output: OutputKind
    event_time: EventTime | None = None


@frozen
class ModelStep:
    """Compute, judge and publish one model; ``output`` view means nothing is stored.

    ``traits`` holds the parts of the declaration that the fingerprints sum up, each as
    short text (``key``, ``partitioning``, ``rules`` ...); the runtime records them.
    """

    relation: RelationName
    analysis: Analysis
    program: Program
    judgement: Judgement | None
    output: OutputKind
    partition_by: tuple[PartitionField, ...]
    renames: Mapping[str, str]
    grain: tuple[str, ...]
    fingerprint: str
    own_fingerprint: str
    metadata_fingerprint: str
    rebuild: bool
    traits: Mapping[str, str] = field(default_factory=dict)
    where: Location | None = field(default=None, compare=False)

    @property
    def event_time(self) -> EventTime | None:
        """What its rows' time is, when its contract says so; of a replaced model they come and go, and advance none."""
        appends = self.program.mode is ChangeMode.APPEND
        return self.judgement.event_time if self.judgement and appends else None


@frozen
class ProductPlan:
    """One product's part: sources, ports of other products, then models in dependency order."""

    product: str
    sources: tuple[SourceStep, ...]
    foreign: tuple[ForeignPort, ...]
    models: tuple[ModelStep, ...]


@frozen
class Plan:
    """The whole workspace in one environment; products stand in dependency order."""

    environment: Environment
    products: tuple[ProductPlan, ...]
    differences: tuple[Difference, ...]

    @property
    def changed(self) -> tuple[Difference, ...]:
        return tuple(difference for difference in self.differences if difference.change != "unchanged")
