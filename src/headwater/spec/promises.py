"""headwater's own entries among a contract's ``customProperties``.

Apart from the contract reader because the same entries may stand at a schema
object or, for all objects of a file, at the contract itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.contract import Budget, EventTime, Reference
from headwater.spec.documents import Document, Path
from headwater.spec.durations import parse_duration
from headwater.spec.extensions import EXTENSIONS, VENDOR, BudgetExtension, EventTimeExtension, ReferenceExtension
from headwater.spec.validation import validate, value_at

__all__ = ["Promises", "read_promises"]


@dataclass(slots=True)
class Promises:
    """What the entries with ``vendor: headwater`` of one list say."""

    event_time: EventTime | None = None
    budget: Budget | None = None
    references: tuple[Reference, ...] = ()


def read_promises(document: Document, path: Path, errors: list[DeclarationError]) -> Promises:
    """Read the entries of a ``customProperties`` list; what is wrong is added to ``errors``."""
    promises = Promises()
    entries = value_at(document.data, path)
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, Mapping) or entry.get("vendor") != VENDOR:
            continue
        name, at = str(entry["property"]), (*path, index)
        if name in seen:
            where = document.where((*at, "property"))
            errors.append(DeclarationError(f"the custom property '{name}' stands here twice", where=where))
        seen.add(name)
        _read_entry(document, name, (*at, "value"), promises, errors)
    return promises


def _read_entry(document: Document, name: str, path: Path, promises: Promises, errors: list[DeclarationError]) -> None:
    match name:
        case "eventTime":
            promises.event_time = _event_time(document, path, errors)
        case "budget":
            promises.budget = _budget(document, path, errors)
        case "references":
            promises.references = _references(document, path, errors)
        case _:
            where = document.where((*path[:-1], "property"))
            message = f"headwater knows no custom property '{name}'"
            errors.append(DeclarationError(message, hint=did_you_mean(name, EXTENSIONS), where=where))


def _event_time(document: Document, path: Path, errors: list[DeclarationError]) -> EventTime | None:
    found, wrong = validate(EventTimeExtension, document, path)
    errors.extend(wrong)
    if found is None:
        return None
    return EventTime(
        column=found.column,
        watermark=parse_duration(found.watermark),
        late=found.late,
        idle=parse_duration(found.idle) if found.idle else None,
        future=parse_duration(found.future) if found.future else None,
        where=document.where((*path, "column")),
    )


def _budget(document: Document, path: Path, errors: list[DeclarationError]) -> Budget | None:
    found, wrong = validate(BudgetExtension, document, path)
    errors.extend(wrong)
    return Budget(found.rows, found.percent) if found else None


def _references(document: Document, path: Path, errors: list[DeclarationError]) -> tuple[Reference, ...]:
    entries = value_at(document.data, path)
    if not isinstance(entries, list):
        errors.append(DeclarationError("references must be a list", where=document.where(path)))
        return ()
    references: list[Reference] = []
    for index in range(len(entries)):
        found, wrong = validate(ReferenceExtension, document, (*path, index))
        errors.extend(wrong)
        if found:
            where = document.where((*path, index))
            references.append(Reference(tuple(found.columns), found.to, tuple(found.to_columns), where))
    return tuple(references)
