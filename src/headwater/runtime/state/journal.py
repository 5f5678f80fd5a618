"""Epochs as one text each: how the state file keeps them until they are entered into its tables.

Apart from the store because it is a format: what is written here is read by the run that follows a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headwater.runtime import codec
from headwater.runtime.state.values import CheckResult, EpochRecord, LedgerRow, OutboxEntry, Watermark
from headwater.types import Counts, Json, RelationName

__all__ = ["from_text", "is_journalled", "moment", "text_of", "to_text"]


def is_journalled(record: EpochRecord) -> bool:
    """Whether a text says all of an epoch: descriptions, and rows that were released, are read by queries at once."""
    return not (record.recorded or record.removed or record.released)


def to_text(record: EpochRecord) -> str:
    """An epoch but for what :func:`is_journalled` speaks of; of some positions it says what they gained."""
    whole = {name: at for name, at in record.positions.items() if name not in record.gained}
    return codec.to_json(
        {
            "epoch": record.epoch,
            "run": record.run,
            "kind": record.kind,
            "at": record.at.isoformat(),
            "positions": _named(whole),
            "gained": _named(record.gained),
            "foreign": _named(record.foreign),
            "foreign_contents": _named(record.foreign_contents),
            "foreign_identities": _named(record.foreign_identities),
            "versions": _named(record.versions),
            "inputs": {str(name): _named(inputs) for name, inputs in record.inputs.items()},
            "outbox": [[entry.format, codec.to_committable_json(entry.committable)] for entry in record.outbox],
            "ledger": [_ledger_row(row) for row in record.ledger],
            "checks": [[str(c.relation), c.code, c.value, c.passed, c.severity, c.description] for c in record.checks],
            "watermarks": {
                str(name): [text_of(mark.newest), text_of(mark.at), mark.ended, text_of(mark.active_at)]
                for name, mark in record.watermarks.items()
            },
        }
    )


def from_text(text: str) -> EpochRecord:
    """The epoch that :func:`to_text` wrote, as far as it did."""
    read = codec.from_json(text)
    return EpochRecord(
        epoch=read["epoch"],
        run=read["run"],
        kind=read["kind"],
        at=datetime.fromisoformat(read["at"]),
        positions=_parsed(read["positions"]),
        gained=_parsed(read["gained"]),
        foreign=_parsed(read["foreign"]),
        foreign_contents=_parsed(read["foreign_contents"]),
        foreign_identities=_parsed(read["foreign_identities"]),
        versions=_parsed(read["versions"]),
        inputs={RelationName.parse(name): _parsed(inputs) for name, inputs in read["inputs"].items()},
        outbox=tuple(OutboxEntry(kind, codec.to_committable(entry)) for kind, entry in read["outbox"]),
        ledger=tuple(
            LedgerRow(RelationName.parse(name), Counts(*counts), replaced) for name, counts, replaced in read["ledger"]
        ),
        checks=tuple(CheckResult(RelationName.parse(name), *rest) for name, *rest in read["checks"]),
        watermarks={
            RelationName.parse(name): Watermark(moment(newest), moment(at), ended, moment(active))
            for name, (newest, at, ended, active) in read["watermarks"].items()
        },
    )


def text_of(at: datetime | None) -> str | None:
    """A moment as the state file has it."""
    return None if at is None else at.isoformat()


def moment(text: str | None) -> datetime | None:
    """What :func:`text_of` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def _ledger_row(row: LedgerRow) -> list[Json]:
    counts = row.counts
    return [str(row.relation), [counts.read, counts.accepted, counts.late, counts.quarantined], row.replaced]


def _named(values: Mapping[RelationName, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in values.items()}


def _parsed(values: Mapping[str, Any]) -> dict[RelationName, Any]:
    return {RelationName.parse(name): value for name, value in values.items()}
