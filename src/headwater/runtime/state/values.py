"""What a state file holds, as values.

Apart from the store so that epochs can be put together, and metadata be
derived, without a session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, TypeAlias

from headwater.plan.steps import Recorded
from headwater.spec.contract import Severity
from headwater.spi.source import Position
from headwater.spi.table import Committable
from headwater.types import Counts, Json, RelationName
from headwater.values import frozen

__all__ = [
    "CheckResult",
    "EpochKind",
    "EpochRecord",
    "LedgerRow",
    "OutboxEntry",
    "Snapshot",
    "StagedTable",
    "VersionToken",
    "Watermark",
]

EpochKind: TypeAlias = Literal["append", "refresh", "replay"]

VersionToken: TypeAlias = str
"""Names one content of a relation: equal tokens mean that nothing changed."""


@frozen
class StagedTable:
    """A table that may hold staged files: its relation and table format."""

    relation: RelationName
    format: str


@frozen
class OutboxEntry:
    """A committable, and the table format that can commit it."""

    format: str
    committable: Committable

    @property
    def relation(self) -> RelationName:
        return self.committable.id.relation


@frozen
class LedgerRow:
    """What became of the rows that reached a relation in an epoch.

    ``replaced`` is True when the counts stand for the whole content and not for an addition to it.
    """

    relation: RelationName
    counts: Counts
    replaced: bool


@frozen
class CheckResult:
    """The outcome of one dataset check."""

    relation: RelationName
    code: str
    value: Json
    passed: bool
    severity: Severity
    description: str


@frozen
class Watermark:
    """How far the event time of a relation has advanced.

    Attributes:
        newest: the greatest event time of a row accepted so far; None before the first.
        at: no row to come lies before it, as far as rows come at all; None while nothing is known.
        ended: nothing is to come. ``at`` stays what it was, for the case that something comes all the same.
        active_at: when rows last came, by the run's clock; before the first, when they were first waited for.
    """

    newest: datetime | None = None
    at: datetime | None = None
    ended: bool = False
    active_at: datetime | None = None


@frozen
class EpochRecord:
    """Everything one epoch makes durable, in one transaction.

    ``versions`` gives the new version token of every relation whose content
    changed; ``gained`` says of positions what they add to those before, and is
    stored in their place, so that a position that grows is not written again
    and again; ``inputs`` the tokens of all inputs a model was computed from;
    ``removed`` relations are forgotten. ``foreign`` gives the version of each
    other product's table that was read, ``foreign_identities`` what tells that
    version from another of its number, ``foreign_contents`` what that product's
    own state calls its content. ``watermarks`` gives those that changed.
    """

    epoch: int
    run: str
    kind: EpochKind
    at: datetime
    positions: Mapping[RelationName, Position] = field(default_factory=dict)
    foreign: Mapping[RelationName, int] = field(default_factory=dict)
    versions: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    inputs: Mapping[RelationName, Mapping[RelationName, VersionToken]] = field(default_factory=dict)
    recorded: tuple[Recorded, ...] = ()
    removed: tuple[RelationName, ...] = ()
    outbox: tuple[OutboxEntry, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    released: tuple[str, ...] = ()
    gained: Mapping[RelationName, Position] = field(default_factory=dict)
    foreign_contents: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    foreign_identities: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    watermarks: Mapping[RelationName, Watermark] = field(default_factory=dict)


@frozen
class Snapshot:
    """What a state file says at the start of a run; fields as in :class:`EpochRecord`.

    ``epoch`` is the newest committed one, 0 before the first; ``origin`` the run
    that committed the first one, "" before it. ``kept`` are the models whose programs have state.
    """

    epoch: int
    positions: Mapping[RelationName, Position]
    foreign: Mapping[RelationName, int]
    versions: Mapping[RelationName, VersionToken]
    inputs: Mapping[RelationName, Mapping[RelationName, VersionToken]]
    recorded: Mapping[RelationName, Recorded]
    outbox: tuple[OutboxEntry, ...]
    staging: tuple[StagedTable, ...]
    foreign_contents: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    foreign_identities: Mapping[RelationName, VersionToken] = field(default_factory=dict)
    origin: str = ""
    watermarks: Mapping[RelationName, Watermark] = field(default_factory=dict)
    kept: frozenset[RelationName] = frozenset()

    @property
    def contents(self) -> dict[RelationName, VersionToken]:
        """What readers call the contents of this product: a state that was lost and begun anew names others."""
        return {name: f"{self.origin} {token}" for name, token in self.versions.items()}
