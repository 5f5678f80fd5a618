"""headwater's own entries among a contract's ``customProperties``.

Apart from the contract reader because the same entries may stand at a schema
object or, for all objects of a file, at the contract itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.contract import Budget, EventTime, Reference
from headwater.spec.documents import Document, Path
from headwater.spec.durations import parse_duration
from headwater.spec.places import path_text, value_at
from headwater.spec.shapes import shape_errors

__all__ = ["EXTENSIONS", "VENDOR", "Promises", "read_promises"]

VENDOR: Final = "headwater"
EXTENSIONS: Final = ("eventTime", "budget", "references")


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
    wrong = shape_errors("event-time", document, path)
    errors.extend(wrong)
    if wrong:
        return None
    found = cast("Mapping[str, str | None]", value_at(document.data, path))
    idle, future = found.get("idle"), found.get("future")
    return EventTime(
        column=str(found["column"]),
        watermark=parse_duration(str(found["watermark"])),
        late=cast("Literal['quarantine', 'drop']", found.get("late", "quarantine")),
        idle=parse_duration(idle) if idle else None,
        future=parse_duration(future) if future else None,
        where=document.where((*path, "column")),
    )


def _budget(document: Document, path: Path, errors: list[DeclarationError]) -> Budget | None:
    wrong = shape_errors("budget", document, path)
    errors.extend(wrong)
    if wrong:
        return None
    found = cast("Mapping[str, Any]", value_at(document.data, path))
    rows, percent = found.get("rows"), found.get("percent")
    if rows is None and percent is None:
        where = document.where(path)
        errors.append(DeclarationError(f"{path_text(path)}: a budget needs rows, percent, or both", where=where))
    return Budget(rows, percent)


def _references(document: Document, path: Path, errors: list[DeclarationError]) -> tuple[Reference, ...]:
    entries = value_at(document.data, path)
    if not isinstance(entries, list):
        errors.append(DeclarationError("references must be a list", where=document.where(path)))
        return ()
    found = (_reference(document, (*path, index), errors) for index in range(len(entries)))
    return tuple(reference for reference in found if reference)


def _reference(document: Document, path: Path, errors: list[DeclarationError]) -> Reference | None:
    wrong = shape_errors("reference", document, path)
    errors.extend(wrong)
    if wrong:
        return None
    found = cast("Mapping[str, Any]", value_at(document.data, path))
    where = document.where(path)
    if len(found["columns"]) != len(found["toColumns"]):
        message = f"{path_text(path)}: columns and toColumns must have the same number of entries"
        errors.append(DeclarationError(message, where=where))
    return Reference(tuple(found["columns"]), found["to"], tuple(found["toColumns"]), where)
