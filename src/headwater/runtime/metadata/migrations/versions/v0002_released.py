"""Which refused rows a replay admitted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table; it fills when the next epoch of a product is absorbed."""
    op.create_table(
        "headwater_released",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("product", sa.String(200), primary_key=True),
        sa.Column("quarantine_id", sa.String(80), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    )
