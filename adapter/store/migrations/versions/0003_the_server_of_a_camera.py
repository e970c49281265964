"""A camera may be watched by a worker on another host.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cameras", sa.Column("server", sa.String(length=64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("cameras", "server")
