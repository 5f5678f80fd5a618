"""The tables of the metadata store as its statements write them.

Apart from the migrations, which make them and never change: this is what all of
them together lead to, and a test compares the two.
"""

from __future__ import annotations

from typing import Final

from headwater.types import quote_identifier
from headwater.values import frozen

__all__ = [
    "ALL",
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


@frozen
class Table:
    """A table and its columns."""

    name: str
    columns: tuple[str, ...]

    @property
    def insertion(self) -> str:
        """The statement that inserts a row; its parameters are named as the columns."""
        names = ", ".join(map(quote_identifier, self.columns))
        values = ", ".join(f":{name}" for name in self.columns)
        return f"INSERT INTO {self.name} ({names}) VALUES ({values})"


runs: Final = Table("headwater_runs", ("run", "environment", "status", "started_at", "finished_at"))

run_products: Final = Table(
    "headwater_run_products",
    ("run", "product", "environment", "position", "status", "epochs", "finished_at", "error"),
)

epochs: Final = Table("headwater_epochs", ("environment", "product", "epoch", "run", "kind", "committed_at"))

ledger: Final = Table(
    "headwater_ledger",
    ("environment", "product", "epoch", "relation", "run", "read", "accepted", "late", "quarantined", "replaced"),
)

checks: Final = Table(
    "headwater_checks",
    ("environment", "product", "epoch", "relation", "code", "run", "value", "passed", "severity", "description"),
)

relations: Final = Table(
    "headwater_relations",
    (
        "environment",
        "relation",
        "product",
        "fingerprint",
        "own_fingerprint",
        "metadata_fingerprint",
        "schema_json",
        "canonical",
        "output",
        "traits",
        "epoch",
    ),
)

changes: Final = Table("headwater_changes", ("run", "relation", "environment", "change", "reason", "rebuilt"))

released: Final = Table("headwater_released", ("environment", "product", "quarantine_id", "epoch"))

watermarks: Final = Table(
    "headwater_watermarks",
    ("environment", "relation", "product", "newest", "watermark", "ended", "active_at", "epoch"),
)

absorbed: Final = Table("headwater_absorbed", ("environment", "product", "epoch"))

ALL: Final = (runs, run_products, epochs, ledger, checks, relations, changes, released, watermarks, absorbed)
