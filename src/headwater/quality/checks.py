"""Checks: what a contract demands, as SQL that any engine can evaluate.

Apart from the compiler of rules so that runtime and reports know checks without
knowing ODCS.
"""

from __future__ import annotations

from typing import TypeAlias

from headwater.spec.contract import Budget, EventTime, Severity
from headwater.types import FieldPath, Json, RelationName
from headwater.values import frozen

__all__ = ["Check", "DatasetCheck", "Judgement", "KeyCheck", "ReferenceCheck", "RowCheck", "Unjudged"]


@frozen
class RowCheck:
    """``predicate`` is SQL over one row; a row for which it is not TRUE and not NULL is refused.

    Rules about NULL say so in the predicate (``x IS NOT NULL``). ``doubt`` is an aggregate expression that is TRUE
    where the predicate refuses some of many rows, else FALSE or NULL; None where there is none that costs less.
    """

    code: str
    predicate: str
    description: str
    doubt: str | None = None


@frozen
class KeyCheck:
    """Of rows with equal ``columns`` (none NULL) the first by provenance is admitted, over all epochs."""

    code: str
    columns: tuple[str, ...]
    description: str


@frozen
class ReferenceCheck:
    """Values of ``columns`` (none NULL) must stand in ``to_columns`` of ``to``'s history."""

    code: str
    columns: tuple[str, ...]
    to: RelationName
    to_columns: tuple[str, ...]
    description: str


@frozen
class DatasetCheck:
    """``query`` yields one number about the content to be published; it is compared with ``threshold``.

    The content stands in the query as the relation ``content``. An ``error``
    blocks publication, a ``warning`` or ``info`` is reported. ``measure`` is the
    number as an aggregate expression over the content, when it is one: checks
    that have it share a scan. ``columns`` are those the query reads; None means
    any of them.
    """

    code: str
    query: str
    operator: str
    threshold: Json
    severity: Severity
    description: str
    measure: str | None = None
    columns: tuple[str, ...] | None = None


@frozen
class Unjudged:
    """A rule of the contract that headwater keeps and reports but does not evaluate, and why."""

    code: str
    reason: str


Check: TypeAlias = RowCheck | KeyCheck | ReferenceCheck | DatasetCheck


@frozen
class Judgement:
    """All that is applied to a relation before it is published.

    Codes are unique. Row, key and reference checks send rows to quarantine,
    dataset checks block or report. ``event_time`` says which rows are late or ahead
    of the clock (:mod:`headwater.quality.times`); its column is spelled as the relation's.
    ``fields`` are those that row checks look at, ``()`` being the whole row; None when they are not known.
    """

    contract_id: str
    contract_version: str
    checks: tuple[Check, ...]
    budget: Budget
    unjudged: tuple[Unjudged, ...] = ()
    event_time: EventTime | None = None
    fields: tuple[FieldPath, ...] | None = None
