"""Answers of the metadata store, as frozen values."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from headwater.runtime.state.values import Watermark
from headwater.types import Counts, RelationName
from headwater.values import frozen

__all__ = ["ChangeRecord", "CheckRecord", "LedgerEntry", "PortStatus", "ProductRecord", "RunRecord"]


@frozen
class ProductRecord:
    """A product in a run; ``status`` as in :data:`headwater.runtime.report.ProductStatus`, or ``running``."""

    product: str
    status: str
    epochs: int
    finished_at: datetime | None
    error: str | None


@frozen
class LedgerEntry:
    """Rows by fate of one relation in one epoch; ``replaced`` counts stand for the whole content."""

    run: str
    epoch: int
    relation: RelationName
    counts: Counts
    replaced: bool


@frozen
class ChangeRecord:
    """A relation whose declaration differed when a run started."""

    relation: RelationName
    change: str
    reason: str
    rebuilt: bool


@frozen
class CheckRecord:
    """The outcome of a dataset check in a run."""

    relation: RelationName
    code: str
    value: str
    passed: bool
    severity: str
    description: str


@frozen
class RunRecord:
    """A run. ``status`` is ``running``, ``done``, ``failed`` or ``interrupted``.

    ``products``, ``ledger``, ``changes`` and ``checks`` are filled when one run is asked for.
    """

    run: str
    environment: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    counts: Counts
    products: tuple[ProductRecord, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    changes: tuple[ChangeRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()


@frozen
class PortStatus:
    """A relation as it stands: what it is, its rows by fate since it was last replaced, and when it last changed.

    ``watermark`` knows nothing where the contract declares no event time.
    """

    relation: RelationName
    output: str
    counts: Counts
    epoch: int
    run: str | None
    changed_at: datetime | None
    failed_checks: int
    watermark: Watermark = field(default_factory=Watermark)
