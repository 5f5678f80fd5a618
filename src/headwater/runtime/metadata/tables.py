"""The tables of the metadata store, for SQLite and PostgreSQL alike.

Apart from the queries; the migrations create the same tables step by step, and
a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.types import quote_identifier

__all__ = [
    "ALL",
    "MOMENT",
    "Table",
    "absorbed",
    "changes",
    "checks",
    "epochs",
    "ledger",
    "relations",
    "released",
    "run_products",
    "runs",
    "watermarks",
]

MOMENT: Final = "MOMENT"
"""Stands for the type in which a database keeps moments."""

_word, _run, _name, _relation = "VARCHAR(20)", "VARCHAR(80)", "VARCHAR(200)", "VARCHAR(400)"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns with their types, the first ``keys`` of which are its key.

    ``nullable`` are the columns that may be NULL; ``indexes`` name the columns of each.
    """

    name: str
    columns: Mapping[str, str]
    keys: int
    nullable: frozenset[str] = frozenset()
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def insertion(self) -> str:
        """The statement that inserts a row; its parameters are named as the columns."""
        values = ", ".join(f":{name}" for name in self.columns)
        return f"INSERT INTO {self.name} ({_listed(self.columns)}) VALUES ({values})"

    def creation(self, moment: str) -> Iterator[str]:
        """The statements that create it, where moments have the type ``moment``."""
        columns = [
            f"{quote_identifier(name)} {moment if kind == MOMENT else kind}"
            + ("" if name in self.nullable else " NOT NULL")
            for name, kind in self.columns.items()
        ]
        key = _listed([*self.columns][: self.keys])
        yield f"CREATE TABLE {self.name} ({', '.join(columns)}, PRIMARY KEY ({key}))"
        for index, names in self.indexes.items():
            yield f"CREATE INDEX {index} ON {self.name} ({_listed(names)})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(quote_identifier, names))


runs: Final = Table(
    "headwater_runs",
    {"run": _run, "environment": _name, "status": _word, "started_at": MOMENT, "finished_at": MOMENT},
    keys=1,
    nullable=frozenset({"finished_at"}),
    indexes={"headwater_runs_by_start": ("environment", "started_at")},
)

run_products: Final = Table(
    "headwater_run_products",
    {
        "run": _run,
        "product": _name,
        "environment": _name,
        "position": "INTEGER",
        "status": _word,
        "epochs": "BIGINT",
        "finished_at": MOMENT,
        "error": "TEXT",
    },
    keys=2,
    nullable=frozenset({"finished_at", "error"}),
)

_epoch: Final = {"environment": _name, "product": _name, "epoch": "BIGINT"}

epochs: Final = Table("headwater_epochs", {**_epoch, "run": _run, "kind": _word, "committed_at": MOMENT}, keys=3)

ledger: Final = Table(
    "headwater_ledger",
    {
        **_epoch,
        "relation": _relation,
        "run": _run,
        "read": "BIGINT",
        "accepted": "BIGINT",
        "late": "BIGINT",
        "quarantined": "BIGINT",
        "replaced": "BOOLEAN",
    },
    keys=4,
    indexes={"headwater_ledger_by_run": ("run",)},
)

checks: Final = Table(
    "headwater_checks",
    {
        **_epoch,
        "relation": _relation,
        "code": _relation,
        "run": _run,
        "value": "TEXT",
        "passed": "BOOLEAN",
        "severity": _word,
        "description": "TEXT",
    },
    keys=5,
    indexes={"headwater_checks_by_run": ("run",)},
)

relations: Final = Table(
    "headwater_relations",
    {
        "environment": _name,
        "relation": _relation,
        "product": _name,
        "fingerprint": _name,
        "own_fingerprint": _name,
        "metadata_fingerprint": _name,
        "schema_json": "TEXT",
        "canonical": "TEXT",
        "output": "VARCHAR(40)",
        "traits": "TEXT",
        "epoch": "BIGINT",
    },
    keys=2,
)

changes: Final = Table(
    "headwater_changes",
    {
        "run": _run,
        "relation": _relation,
        "environment": _name,
        "change": "VARCHAR(40)",
        "reason": "TEXT",
        "rebuilt": "BOOLEAN",
    },
    keys=2,
)

released: Final = Table(
    "headwater_released",
    {"environment": _name, "product": _name, "quarantine_id": _run, "epoch": "BIGINT"},
    keys=4,
)

watermarks: Final = Table(
    "headwater_watermarks",
    {
        "environment": _name,
        "relation": _relation,
        "product": _name,
        "newest": MOMENT,
        "watermark": MOMENT,
        "ended": "BOOLEAN",
        "active_at": MOMENT,
        "epoch": "BIGINT",
    },
    keys=3,
    nullable=frozenset({"newest", "watermark", "active_at"}),
)

absorbed: Final = Table("headwater_absorbed", _epoch, keys=2)

ALL: Final = (runs, run_products, epochs, ledger, checks, relations, changes, released, watermarks, absorbed)
