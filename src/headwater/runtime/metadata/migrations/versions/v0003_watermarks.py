"""How far event time has advanced in each relation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; it fills when the next epoch of a product is absorbed."""
    op.create_table(
        "headwater_watermarks",
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("relation", sa.String(400), primary_key=True),
        sa.Column("product", sa.String(200), primary_key=True),
        sa.Column("newest", sa.DateTime(timezone=True)),
        sa.Column("watermark", sa.DateTime(timezone=True)),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True)),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
