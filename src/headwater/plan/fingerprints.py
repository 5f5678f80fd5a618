"""Fingerprints: digests of what decides a relation's content, and of what does not.

Apart from planning because what enters which digest is a promise: formatting,
comments and descriptions change no content fingerprint, everything upstream
changes the full one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Final

from headwater.quality.checks import DatasetCheck, Judgement
from headwater.spec.contract import Budget, Contract
from headwater.spec.declarations import Model, PartitionField, Source
from headwater.types import Json, RelationName, Schema

__all__ = [
    "content_rules",
    "contract_digest",
    "digest",
    "full_fingerprint",
    "metadata_traits",
    "partition_text",
    "schema_digest",
    "to_stable_json",
]

_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

_places: Final = frozenset({"where", "document", "path"})
"""Fields that say where something was declared, or hold the file it was read from."""

_written_only: Final = _places | {"description", "doubt"}
"""And in which words."""


def to_stable_json(value: Json) -> str:
    """Compact JSON, keys sorted: equal values give equal texts on every machine."""
    return _encode(value)


def digest(value: Json) -> str:
    """A short digest of a JSON value.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return hashlib.blake2b(to_stable_json(value).encode(), digest_size=16).hexdigest()


def full_fingerprint(own: str, upstream: Mapping[RelationName, str]) -> str:
    """A relation's own fingerprint together with the full ones of all it reads."""
    return digest([own, {str(name): fingerprint for name, fingerprint in upstream.items()}])


def schema_digest(schema: Schema) -> str:
    """Of names, types and promises of columns, in their order."""
    return digest([[column.name, str(column.type), column.nullable] for column in schema])


def contract_digest(contract: Contract) -> str:
    """Of all that a contract says; only where it stands does not count."""
    return digest(_plain(contract, _places))


def content_rules(judgement: Judgement | None) -> dict[str, str]:
    """What decides which rows are admitted, by code: checks, and which rows are late or ahead of the clock."""
    checks = judgement.checks if judgement else ()
    rules = {check.code: digest(_plain(check)) for check in checks if not isinstance(check, DatasetCheck)}
    timed = judgement.event_time if judgement else None
    if timed is not None:
        rules["late"] = digest([timed.column, _plain(timed.watermark), _plain(timed.idle)])
        if timed.future is not None:
            rules["future"] = digest([timed.column, _plain(timed.future)])
    return rules


def metadata_traits(
    declared: Model | Source, judgement: Judgement | None, contract: Contract | None, owner: str | None
) -> dict[str, str]:
    """What is shown, guarded or counted but changes no row, each part as short text."""
    described = declared.description if isinstance(declared, Model) else None
    tags = declared.tags if isinstance(declared, Model) else ()
    guards = [_plain(check) for check in (judgement.checks if judgement else ()) if isinstance(check, DatasetCheck)]
    parts = {
        "description": described or "",
        "tags": ", ".join(tags),
        "owner": owner or "",
        "contract version": contract.version if contract else "",
        "contract texts": digest([_texts(contract)]) if contract else "",
        "dataset checks": digest(guards) if guards else "",
        "bounded": "yes" if isinstance(declared, Source) and declared.bounded else "",
        "late rows": judgement.event_time.late if judgement and judgement.event_time else "",
        "budget": to_stable_json(_plain(judgement.budget)) if judgement and judgement.budget != Budget() else "",
    }
    return {name: text for name, text in parts.items() if text}


def partition_text(fields: tuple[PartitionField, ...]) -> str:
    """The partitioning as the model header writes it.

    >>> partition_text((PartitionField("ts", "day"), PartitionField("id", "bucket[16]"), PartitionField("origin")))
    'day(ts), bucket(16, id), origin'
    """
    return ", ".join(map(_partition_field, fields))


def _partition_field(field: PartitionField) -> str:
    if field.transform == "identity":
        return field.column
    name, bracket, number = field.transform.partition("[")
    return f"{name}({number.rstrip(']')}, {field.column})" if bracket else f"{name}({field.column})"


def _texts(contract: Contract) -> Json:
    return [contract.status, [[part.name, part.description, part.classification] for part in contract.properties]]


def _plain(value: object, without: frozenset[str] = _written_only) -> Json:
    """A declared value as JSON, without some fields."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): _plain(item, without) for key, item in value.items()}
        case tuple() | list() | frozenset():
            return [_plain(item, without) for item in value]
        case _ if is_dataclass(value):
            return {
                field.name: _plain(getattr(value, field.name), without)
                for field in fields(value)
                if field.name not in without
            }
        case _:
            return str(value)
