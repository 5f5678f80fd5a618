"""How recorded relations and staged epochs are written as JSON text.

Apart from state file and metadata store, which both keep these texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from headwater.plan.steps import Recorded
from headwater.spi.table import CommitId, Committable, PublishMode
from headwater.types import Column, DataType, Json, RelationName, Schema

__all__ = [
    "from_json",
    "to_committable",
    "to_committable_json",
    "to_json",
    "to_recorded",
    "to_recorded_row",
    "to_schema",
    "to_schema_json",
]


def to_json(value: Json) -> str:
    """Compact JSON with sorted keys: equal values give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str) -> Any:
    return json.loads(text)


def to_schema_json(schema: Schema) -> str:
    """Column order matters, so a schema is a list of ``[name, type, nullable]``."""
    return to_json([[column.name, str(column.type), column.nullable] for column in schema])


@lru_cache(maxsize=4096)
def to_schema(text: str) -> Schema:
    """The schema that :func:`to_schema_json` wrote.

    >>> to_schema(to_schema_json(Schema.of({"b": "bigint", "a": "varchar"}))).names
    ('b', 'a')
    """
    return Schema(tuple(Column(name, _data_type(kind), nullable) for name, kind, nullable in json.loads(text)))


_data_type = cache(DataType.parse)


def to_recorded_row(recorded: Recorded) -> dict[str, str]:
    """A recorded relation as the columns that state file and metadata store share."""
    return {
        "relation": str(recorded.relation),
        "fingerprint": recorded.fingerprint,
        "own_fingerprint": recorded.own_fingerprint,
        "metadata_fingerprint": recorded.metadata_fingerprint,
        "schema_json": to_schema_json(recorded.schema),
        "canonical": recorded.canonical,
        "output": recorded.output,
        "traits": to_json(recorded.traits),
    }


def to_recorded(row: Mapping[str, str]) -> Recorded:
    return Recorded(
        relation=RelationName.parse(row["relation"]),
        fingerprint=row["fingerprint"],
        own_fingerprint=row["own_fingerprint"],
        schema=to_schema(row["schema_json"]),
        canonical=row["canonical"],
        metadata_fingerprint=row["metadata_fingerprint"],
        output=row["output"],
        traits=json.loads(row["traits"]),
    )


def to_committable_json(committable: Committable) -> str:
    return to_json(
        {
            "relation": str(committable.id.relation),
            "fingerprint": committable.id.fingerprint,
            "epoch": committable.id.epoch,
            "mode": committable.mode.value,
            "rows": committable.rows,
            "payload": committable.payload,
            **({"without": [*committable.without]} if committable.without else {}),
        }
    )


def to_committable(text: str) -> Committable:
    """The committable that :func:`to_committable_json` wrote.

    >>> staged = Committable(CommitId(RelationName("p", "m"), "f", 1), PublishMode.APPEND, 2, {"files": ["a"]})
    >>> to_committable(to_committable_json(staged)) == staged
    True
    """
    read = json.loads(text)
    return Committable(
        id=CommitId(RelationName.parse(read["relation"]), read["fingerprint"], read["epoch"]),
        mode=PublishMode(read["mode"]),
        rows=read["rows"],
        payload=read["payload"],
        without=tuple(read.get("without", ())),
    )
