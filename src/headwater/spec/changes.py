"""What a source declares of its changes, as a value with the places of its parts.

Apart from the other settings because only keyed sources have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from headwater.spec.declarations import Deletion, SourceChanges
from headwater.spec.documents import Document, Path
from headwater.types import Json

__all__ = ["to_changes"]


def to_changes(document: Document, at: Path, found: Mapping[str, Json] | None) -> SourceChanges | None:
    """Read ``changes`` of a source, whose shape was checked."""
    if found is None:
        return None
    places = {name: document.where((*at, name)) for name in found}
    deletion = cast("Mapping[str, Any] | None", found.get("delete"))
    return SourceChanges(
        kind=cast("Literal['upsert', 'debezium']", found.get("kind", "upsert")),
        key=tuple(cast("list[str]", found.get("key") or ())),
        order=tuple(cast("list[str]", found.get("order") or ())),
        delete=Deletion(deletion["column"], _texts(deletion.get("values"))) if deletion else None,
        places={**places, "changes": document.where_key(at)},
    )


def _texts(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
