"""Running a judgement on an engine: rows are split, counted, and measured against the contract.

Apart from publication because a replay is judged without being published.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.errors import BudgetError, DataError
from headwater.quality.checks import Judgement
from headwater.quality.judging import Judging
from headwater.quality.literals import text_literal
from headwater.quality.times import LATE
from headwater.quality.verdicts import overspent, verdict
from headwater.relations import relation
from headwater.runtime.state import CheckResult
from headwater.types import Counts, RelationName
from headwater.values import frozen

if TYPE_CHECKING:
    from headwater.runtime.workbench import Workbench

__all__ = ["Judged", "examine", "split"]


@frozen
class Judged:
    """Rows by fate. ``newest`` is the greatest event time of the accepted ones, where judging them came by it."""

    counts: Counts
    newest: datetime | None = None


def split(bench: Workbench, judging: Judging, *, candidates: int, malformed: int) -> Judged:
    """Run the row-level part: ``change`` and ``accepted`` then hold what is admitted, ``rejected`` the rest.

    Both counts are measured, so that a row lost between them is noticed. Nothing is computed where nothing came.

    Args:
        candidates: rows in ``candidate``.
        malformed: records in ``malformed`` that belong to this port.
    """
    refused, newest = 0, None
    if judging.refuses and (candidates or malformed):
        refused, newest = _refuse(bench, judging)
    kept = judging.change if refused > malformed else judging.unrefused
    bench.define(kept.creates, kept.sql)
    bench.define(judging.accepted.creates, judging.accepted.sql)
    accepted = candidates if kept is judging.unrefused else bench.count(judging.accepted.creates)
    late = _late(bench, judging) if refused > malformed else 0
    counts = Counts(read=candidates + malformed, accepted=accepted, late=late, quarantined=refused - late)
    return Judged(counts, newest)


def _refuse(bench: Workbench, judging: Judging) -> tuple[int, datetime | None]:
    """Make ``rejected`` where it has rows; returns how many, and the newest event time where there are none."""
    for statement in judging.work:
        bench.create(statement.creates, statement.sql)
    if judging.suspects is not None:
        ((suspects, newest),) = bench.session.fetch(judging.suspects, judging.bounds)
        if not suspects:
            return 0, None if newest is None else newest.replace(tzinfo=UTC)
    rejected = judging.rejected
    if rejected is None:
        return 0, None
    bench.define_run()
    return bench.create(rejected.creates, rejected.sql), None


def _late(bench: Workbench, judging: Judging) -> int:
    if not judging.judges_late:
        return 0
    return bench.count(f"{relation('rejected', judging.relation)} WHERE list_contains(codes, {text_literal(LATE)})")


def examine(bench: Workbench, judging: Judging, judgement: Judgement, counts: Counts) -> tuple[CheckResult, ...]:
    """Measure refusals against the budget, and the content against the dataset checks.

    Raises:
        BudgetError: more rows were refused than the contract allows.
        DataError: a dataset check of severity ``error`` failed.
    """
    name = judging.relation
    if reason := overspent(judgement.budget, counts):
        raise BudgetError(
            f"{name} is not published: {reason}",
            detail=_reasons(bench, name),
            hint=f"mend the rows or raise the budget in contract {judgement.contract_id}; nothing was changed",
        )
    results = []
    blocked = []
    for query in judging.datasets:
        values: Sequence[object] = bench.session.fetch(query.sql)[0]
        for check, value in zip(query.checks, values, strict=True):
            found = verdict(check, value)
            results.append(CheckResult(name, check.code, found.value, found.passed, check.severity, found.message))
            if found.blocks:
                blocked.append(found.message)
    if blocked:
        raise DataError(
            f"{name} is not published: {len(blocked)} check{'s' * (len(blocked) > 1)} of its contract failed",
            detail="\n  ".join(blocked),
            hint="readers still see the last version that passed",
        )
    return tuple(results)


def _reasons(bench: Workbench, name: RelationName) -> str:
    found = bench.session.fetch(
        "SELECT code, count(*) AS n FROM (SELECT unnest(codes) AS code "
        f"FROM {relation('rejected', name)}) GROUP BY code ORDER BY n DESC, code LIMIT 10"
    )
    return "reasons: " + ", ".join(f"{code} ({count})" for code, count in found)
