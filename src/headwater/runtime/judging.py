"""Running a judgement on an engine: rows are split, counted, and measured against the contract.

Apart from publication because a replay is judged without being published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

if TYPE_CHECKING:
    from headwater.runtime.workbench import Workbench

__all__ = ["Judged", "examine", "split"]


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows by fate, and what the checks of the whole content found."""

    counts: Counts
    checks: tuple[CheckResult, ...] = ()


def split(bench: Workbench, judging: Judging, *, candidates: int, malformed: int) -> Counts:
    """Run the row-level part: ``change`` and ``accepted`` then hold what is admitted, ``rejected`` the rest.

    Both counts are measured, so that a row lost between them is noticed.

    Args:
        candidates: rows in ``candidate``.
        malformed: records in ``malformed`` that belong to this port.
    """
    refused = 0
    if judging.rejected is not None:
        bench.define_run()
        for statement in judging.work:
            bench.create(statement.creates, statement.sql)
        if judging.suspects is None or bench.session.fetch(judging.suspects)[0][0]:
            refused = bench.create(judging.rejected.creates, judging.rejected.sql)
    kept = judging.change if refused > malformed else judging.unrefused
    bench.define(kept.creates, kept.sql)
    bench.define(judging.accepted.creates, judging.accepted.sql)
    accepted = candidates if kept is judging.unrefused else bench.count(judging.accepted.creates)
    late = _late(bench, judging) if refused > malformed else 0
    return Counts(read=candidates + malformed, accepted=accepted, late=late, quarantined=refused - late)


def _late(bench: Workbench, judging: Judging) -> int:
    if judging.rejected is None or not judging.judges_late:
        return 0
    return bench.count(f"{judging.rejected.creates} WHERE list_contains(codes, {text_literal(LATE)})")


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
