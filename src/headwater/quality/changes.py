"""What a contract demands of changes: of a keyed source the records are judged, not the rows that they leave.

Apart from the compiler of rules because these are the contract's own checks, read for changes: a deletion brings no
row and is held to its key alone, and what makes keys unique is that changes replace each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.quality.checks import Check, DatasetCheck, Judgement, KeyCheck, RowCheck
from headwater.relations import DELETED_COLUMN
from headwater.spec.contract import Budget, Contract
from headwater.types import quote_identifier

__all__ = ["DELETED", "SUPERSEDED", "content_judgement", "judge_changes", "record_judgement"]

DELETED: Final = quote_identifier(DELETED_COLUMN)
"""The condition that a change is a deletion."""

SUPERSEDED: Final = "superseded"
"""The code under which a run tells of accepted changes that changed nothing, because a newer one had come before."""


def judge_changes(
    judgement: Judgement | None, contract: Contract | None, *, key: Sequence[str], required: Mapping[str, str]
) -> Judgement:
    """The judgement of a keyed source.

    Args:
        judgement: the contract's, of rows; None without contract.
        key: the columns by which changes replace rows.
        required: columns that every change must have, deletions too, and what they are called.

    Raises:
        DeclarationErrors: the contract demands what changes by key cannot keep.
    """
    always = [
        RowCheck(f"required:{name}", f"{quote_identifier(column)} IS NOT NULL", f"every change has {name}")
        for column, name in required.items()
    ]
    if judgement is None:
        return Judgement("", "", tuple(always), Budget())
    known = {check.code for check in always}
    checks: list[Check] = []
    errors: list[DeclarationError] = []
    where = contract.where if contract else None
    for check in judgement.checks:
        match check:
            case RowCheck() if check.code not in known:
                checks.append(replace(check, predicate=f"{DELETED} OR ({check.predicate})", doubt=None))
            case KeyCheck() if not set(key) <= set(check.columns):
                errors.append(_other_key(check, key, contract))
            case RowCheck() | KeyCheck():
                pass
            case _:
                checks.append(check)
    if judgement.event_time is not None:
        errors.append(
            DeclarationError(
                f"the contract declares the event time '{judgement.event_time.column}' for rows that come and go",
                detail="rows of a keyed source are replaced, so no time is ever complete",
                hint="take eventTime out, or 'changes', which makes its records rows that are appended",
                where=contract.event_time.where if contract and contract.event_time else where,
            )
        )
    if errors:
        raise DeclarationErrors(errors)
    return replace(judgement, checks=(*always, *checks))


def record_judgement(judgement: Judgement) -> Judgement:
    """What is demanded of each change."""
    return replace(judgement, checks=tuple(c for c in judgement.checks if not isinstance(c, DatasetCheck)))


def content_judgement(judgement: Judgement) -> Judgement:
    """What is demanded of all rows that the changes leave."""
    return replace(judgement, checks=tuple(c for c in judgement.checks if isinstance(c, DatasetCheck)))


def _other_key(check: KeyCheck, key: Sequence[str], contract: Contract | None) -> DeclarationError:
    columns = ", ".join(check.columns)
    place = next(
        (p.where for p in (contract.properties if contract else ()) if (p.name,) == check.columns),
        contract.where if contract else None,
    )
    return DeclarationError(
        f"{columns} cannot be held unique while changes replace rows by {', '.join(key)}",
        detail="whether a change is admitted would depend on the order in which changes come",
        hint="declare it unique in the contract of a model that reads the source",
        where=place,
    )
