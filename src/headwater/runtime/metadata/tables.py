"""The tables of the metadata store, for SQLite and PostgreSQL alike.

Apart from the queries; the migrations create the same tables step by step, and
a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

__all__ = [
    "absorbed",
    "changes",
    "checks",
    "epochs",
    "ledger",
    "metadata",
    "relations",
    "released",
    "run_products",
    "runs",
    "watermarks",
]

metadata: Final = MetaData()


class Moment(TypeDecorator[datetime]):
    """An aware time, kept and returned in UTC (SQLite keeps no time zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


runs: Final = Table(
    "headwater_runs",
    metadata,
    Column("run", String(80), primary_key=True),
    Column("environment", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Index("headwater_runs_by_start", "environment", "started_at"),
)

run_products: Final = Table(
    "headwater_run_products",
    metadata,
    Column("run", String(80), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("environment", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("epochs", BigInteger, nullable=False),
    Column("finished_at", Moment),
    Column("error", Text),
)

epochs: Final = Table(
    "headwater_epochs",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("committed_at", Moment, nullable=False),
)

ledger: Final = Table(
    "headwater_ledger",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("relation", String(400), primary_key=True),
    Column("run", String(80), nullable=False),
    Column("read", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("replaced", Boolean, nullable=False),
    Index("headwater_ledger_by_run", "run"),
)

checks: Final = Table(
    "headwater_checks",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("relation", String(400), primary_key=True),
    Column("code", String(400), primary_key=True),
    Column("run", String(80), nullable=False),
    Column("value", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("description", Text, nullable=False),
    Index("headwater_checks_by_run", "run"),
)

relations: Final = Table(
    "headwater_relations",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("relation", String(400), primary_key=True),
    Column("product", String(200), nullable=False),
    Column("fingerprint", String(200), nullable=False),
    Column("own_fingerprint", String(200), nullable=False),
    Column("metadata_fingerprint", String(200), nullable=False),
    Column("schema_json", Text, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("output", String(40), nullable=False),
    Column("traits", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
)

changes: Final = Table(
    "headwater_changes",
    metadata,
    Column("run", String(80), primary_key=True),
    Column("relation", String(400), primary_key=True),
    Column("environment", String(200), nullable=False),
    Column("change", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("rebuilt", Boolean, nullable=False),
)

released: Final = Table(
    "headwater_released",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("quarantine_id", String(80), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
)

watermarks: Final = Table(
    "headwater_watermarks",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("relation", String(400), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("newest", Moment),
    Column("watermark", Moment),
    Column("ended", Boolean, nullable=False),
    Column("active_at", Moment),
    Column("epoch", BigInteger, nullable=False),
)

absorbed: Final = Table(
    "headwater_absorbed",
    metadata,
    Column("environment", String(200), primary_key=True),
    Column("product", String(200), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)
