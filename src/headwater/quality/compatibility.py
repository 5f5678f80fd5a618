"""What changes from one version of a contract to the next, and for whom it breaks.

Apart from the plan's diff because it compares promises and not queries: it
needs neither data nor a recorded state. A change is judged from the consumers'
side, for a port promises to those who read it: values that were promised not to
appear surprise them, values that no longer appear do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from headwater.quality.promises import column_promises, rule_promises
from headwater.quality.widening import holds
from headwater.spec.contract import Contract, Property
from headwater.values import frozen

if TYPE_CHECKING:
    from headwater.sql.analysis import ColumnReference

__all__ = ["ContractChange", "diff", "keeps_key"]

ChangeSeverity: TypeAlias = Literal["breaking", "additive", "cosmetic"]
Consumers: TypeAlias = "Mapping[str, Sequence[ColumnReference]]"


@frozen
class ContractChange:
    """One difference. ``column`` is None for the relation as a whole.

    ``severity``: ``breaking`` for what may surprise a consumer who relied on the
    old contract, ``additive`` for what promises more or is new, ``cosmetic`` for
    words. ``affects`` are the known columns that are computed from what breaks.
    """

    severity: ChangeSeverity
    column: str | None
    what: str
    reason: str
    affects: tuple[ColumnReference, ...] = ()


def diff(old: Contract, new: Contract, consumers: Consumers | None = None) -> list[ContractChange]:
    """All differences, breaking ones first, then in the new contract's order.

    Args:
        consumers: for each column of the relation, the columns of known models
            computed from it (names compared case-insensitively).
    """
    known = {name.casefold(): tuple(references) for name, references in (consumers or {}).items()}
    changes = [_affecting(change, known) for change in (*_columns(old, new), *_relation(old, new))]
    order = {"breaking": 0, "additive": 1, "cosmetic": 2}
    return sorted(changes, key=lambda change: order[change.severity])


def _affecting(change: ContractChange, known: Mapping[str, tuple[ColumnReference, ...]]) -> ContractChange:
    if change.severity != "breaking":
        return change
    if change.column is not None:
        return replace(change, affects=known.get(change.column.split(".")[0].casefold(), ()))
    everyone = sorted({reference for references in known.values() for reference in references})
    return replace(change, affects=tuple(everyone))


def _columns(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before = {promised.name.casefold(): promised for promised in old.properties}
    after = {promised.name.casefold(): promised for promised in new.properties}
    for name, promised in after.items():
        if name not in before:
            yield ContractChange("additive", promised.name, "column added", "readers that name columns do not see it")
        else:
            yield from _column(before[name], promised, promised.name)
    for name, promised in before.items():
        if name not in after:
            yield ContractChange("breaking", promised.name, "column removed", "readers that name it fail")


def _column(old: Property, new: Property, path: str) -> Iterator[ContractChange]:
    yield from _type(old, new, path)
    if old.required and not new.required:
        yield ContractChange("breaking", path, "no longer required", "it may be NULL, which readers did not expect")
    elif new.required and not old.required:
        yield ContractChange("additive", path, "now required", "rows without it are refused, readers see fewer NULLs")
    if old.unique and not new.unique:
        yield ContractChange("breaking", path, "no longer unique", "joins on it may multiply rows")
    elif new.unique and not old.unique:
        yield ContractChange("additive", path, "now unique", "repetitions are refused")
    for severity, what, reason in column_promises(old, new):
        yield ContractChange(severity, path, what, reason)
    if old.description != new.description:
        yield ContractChange("cosmetic", path, "description changed", "it changes no row")
    if old.classification != new.classification:
        said = f"classification changed from {old.classification or 'none'} to {new.classification or 'none'}"
        yield ContractChange("cosmetic", path, said, "it changes no row")
    yield from _members(old, new, path)


def _type(old: Property, new: Property, path: str) -> Iterator[ContractChange]:
    if old.type == new.type or old.type is None or new.type is None:
        if old.logical_type != new.logical_type and (old.type is None or new.type is None):
            said = f"logical type changed from {old.logical_type} to {new.logical_type}"
            yield ContractChange("breaking", path, said, "values are of another sort")
        return
    said = f"type changed from {old.type} to {new.type}"
    if holds(new.type, old.type):
        yield ContractChange("additive", path, said, "it is wider: every value of the old type is one of the new")
    elif holds(old.type, new.type):
        yield ContractChange("breaking", path, said, "it is narrower: values published before may not fit")
    else:
        yield ContractChange("breaking", path, said, "neither type holds the values of the other")


def _members(old: Property, new: Property, path: str) -> Iterator[ContractChange]:
    before = {member.name.casefold(): member for member in old.properties}
    after = {member.name.casefold(): member for member in new.properties}
    for name, member in after.items():
        if name in before:
            yield from _column(before[name], member, f"{path}.{member.name}")
        else:
            yield ContractChange(
                "additive", f"{path}.{member.name}", "member added", "readers that name members do not see it"
            )
    for name, member in before.items():
        if name not in after:
            yield ContractChange("breaking", f"{path}.{member.name}", "member removed", "readers that name it fail")
    if old.items and new.items:
        yield from _column(old.items, new.items, f"{path}[]")


def _relation(old: Contract, new: Contract) -> Iterator[ContractChange]:
    if old.relation != new.relation:
        yield ContractChange(
            "breaking", None, f"relation renamed from {old.relation} to {new.relation}", "readers that name it fail"
        )
    yield from _key(old.primary_key, new.primary_key)
    yield from _references(old, new)
    yield from _event_time(old, new)
    if old.budget != new.budget:
        yield ContractChange("additive", None, "budget changed", "it decides when publication stops, not what is read")
    for severity, what, reason in rule_promises(old.rules, new.rules):
        yield ContractChange(severity, None, what, reason)
    if old.version != new.version:
        yield ContractChange("cosmetic", None, f"version {old.version} became {new.version}", "it changes no row")
    if old.status != new.status:
        yield ContractChange("cosmetic", None, f"status {old.status} became {new.status}", "it changes no row")


def _key(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[ContractChange]:
    if old == new:
        return
    said = f"primary key changed from {_listing(old)} to {_listing(new)}"
    if keeps_key(old, new):
        yield ContractChange("additive", None, said, "what was unique before still is")
    else:
        yield ContractChange("breaking", None, said, "joins on the old key may multiply rows")


def keeps_key(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether what was unique before still is: a key was added, or became one of fewer columns.

    >>> keeps_key([], ["id"]), keeps_key(["id", "day"], ["id"]), keeps_key(["id"], ["id", "day"]), keeps_key(["id"], [])
    (True, True, False, False)
    """
    before, after = frozenset(old), frozenset(new)
    return not before or (bool(after) and after <= before)


def _listing(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})" if names else "none"


def _references(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before = {(r.columns, r.to, r.to_columns) for r in old.references}
    after = {(r.columns, r.to, r.to_columns) for r in new.references}
    for columns, to, _ in sorted(before - after):
        said = f"reference removed: {', '.join(columns)} to {to}"
        yield ContractChange("breaking", columns[0] if len(columns) == 1 else None, said, "look-ups may find nothing")
    for columns, to, _ in sorted(after - before):
        said = f"reference added: {', '.join(columns)} to {to}"
        yield ContractChange("additive", columns[0] if len(columns) == 1 else None, said, "every look-up finds a row")


def _event_time(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before, after = old.event_time, new.event_time
    if before is None and after is None:
        return
    if before is None:
        yield ContractChange("additive", None, "event time added", "windows over the relation become possible")
    elif after is None:
        yield ContractChange("breaking", before.column, "event time removed", "windows over the relation fail")
    elif before.column != after.column:
        said = f"event time moved from {before.column} to {after.column}"
        yield ContractChange("breaking", after.column, said, "windows hold other rows")
    elif (before.watermark, before.late, before.idle, before.future) != (
        after.watermark,
        after.late,
        after.idle,
        after.future,
    ):
        severity: ChangeSeverity = "breaking" if after.watermark < before.watermark else "additive"
        reason = "rows that were in time are now late" if severity == "breaking" else "no row in time becomes late"
        yield ContractChange(severity, after.column, "watermark changed", reason)
