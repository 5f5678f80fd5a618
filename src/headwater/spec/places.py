"""Values inside a document: finding, naming and describing them for a message.

Apart from the validators so that each of them speaks of a document in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.documents import Document, Path
from headwater.types import Json

__all__ = ["Element", "describe", "elements", "path_text", "unknown_key", "value_at"]

Element = Mapping[str, Json]
"""A mapping of a document."""


def elements(found: Json) -> list[Element]:
    """The mappings of a list; none when it is something else."""
    return [element for element in found if isinstance(element, Mapping)] if isinstance(found, list) else []


def value_at(data: Json, path: Path) -> Json:
    """The value at a path; None where the path leads nowhere."""
    for step in path:
        if isinstance(data, Mapping) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def path_text(path: Path) -> str:
    """A path as a user writes it: ``schema[0].properties[2].name``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def describe(value: Json) -> str:
    """What a value is, in words.

    >>> describe([1]), describe(True), describe("x" * 99)
    ('a list', 'true', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
    """
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"'{value}'" if len(value) <= 40 else f"'{value[:40]}…'"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return "a mapping"


def unknown_key(document: Document, path: Path, valid: Iterable[str]) -> DeclarationError:
    """The error for a key that means nothing where it stands."""
    inside = path_text(path[:-1])
    return DeclarationError(
        f"unknown key '{path[-1]}'" + (f" in {inside}" if inside else ""),
        hint=did_you_mean(str(path[-1]), valid),
        where=document.where_key(path),
    )
