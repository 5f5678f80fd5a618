"""Runs, epochs, ledger, checks, relations and changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    _create_runs()
    _create_epochs()
    _create_relations()


def _create_runs() -> None:
    op.create_table(
        "headwater_runs",
        sa.Column("run", sa.String(80), primary_key=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("headwater_runs_by_start", "headwater_runs", ["environment", "started_at"])
    op.create_table(
        "headwater_run_products",
        sa.Column("run", sa.String(80), primary_key=True),
        sa.Column("product", sa.String(200), primary_key=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("epochs", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
    )


def _create_epochs() -> None:
    op.create_table(
        "headwater_epochs",
        *_epoch_key(),
        sa.Column("run", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "headwater_ledger",
        *_epoch_key(),
        sa.Column("relation", sa.String(400), primary_key=True),
        sa.Column("run", sa.String(80), nullable=False),
        sa.Column("read", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("late", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("replaced", sa.Boolean, nullable=False),
    )
    op.create_index("headwater_ledger_by_run", "headwater_ledger", ["run"])
    op.create_table(
        "headwater_checks",
        *_epoch_key(),
        sa.Column("relation", sa.String(400), primary_key=True),
        sa.Column("code", sa.String(400), primary_key=True),
        sa.Column("run", sa.String(80), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    op.create_index("headwater_checks_by_run", "headwater_checks", ["run"])


def _create_relations() -> None:
    op.create_table(
        "headwater_relations",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("relation", sa.String(400), primary_key=True),
        sa.Column("product", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(200), nullable=False),
        sa.Column("own_fingerprint", sa.String(200), nullable=False),
        sa.Column("metadata_fingerprint", sa.String(200), nullable=False),
        sa.Column("schema_json", sa.Text, nullable=False),
        sa.Column("canonical", sa.Text, nullable=False),
        sa.Column("output", sa.String(40), nullable=False),
        sa.Column("traits", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "headwater_changes",
        sa.Column("run", sa.String(80), primary_key=True),
        sa.Column("relation", sa.String(400), primary_key=True),
        sa.Column("environment", sa.String(200), nullable=False),
        sa.Column("change", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("rebuilt", sa.Boolean, nullable=False),
    )
    op.create_table(
        "headwater_absorbed",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("product", sa.String(200), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )


def _epoch_key() -> list[sa.Column[object]]:
    return [
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("product", sa.String(200), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    ]
