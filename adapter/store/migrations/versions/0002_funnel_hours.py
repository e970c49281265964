"""The read funnel's hours survive a restart.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "funnel_hours",
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("camera_id", "starts_at", name=op.f("pk_funnel_hours")),
    )


def downgrade() -> None:
    op.drop_table("funnel_hours")
