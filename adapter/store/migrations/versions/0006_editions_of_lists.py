"""An import becomes the next edition of its list, which is laid beside the present one.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("list_staging")
    op.add_column("match_lists", sa.Column("edition", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("list_entries") as batch_op:
        batch_op.add_column(sa.Column("since", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("until", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_constraint("uq_list_entries_list_id_normal", type_="unique")
        batch_op.drop_constraint("pk_list_entries", type_="primary")
        batch_op.create_primary_key("pk_list_entries", ["entry_id", "until"])
        batch_op.create_unique_constraint("uq_list_entries_list_id_normal_until", ["list_id", "normal", "until"])


def downgrade() -> None:
    op.execute(
        "DELETE FROM list_entries WHERE until != 0 OR since >"
        " (SELECT edition FROM match_lists WHERE match_lists.list_id = list_entries.list_id)"
    )
    with op.batch_alter_table("list_entries") as batch_op:
        batch_op.drop_constraint("uq_list_entries_list_id_normal_until", type_="unique")
        batch_op.drop_constraint("pk_list_entries", type_="primary")
        batch_op.create_primary_key("pk_list_entries", ["entry_id"])
        batch_op.create_unique_constraint("uq_list_entries_list_id_normal", ["list_id", "normal"])
        batch_op.drop_column("until")
        batch_op.drop_column("since")
    op.drop_column("match_lists", "edition")
    op.create_table(
        "list_staging",
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("pattern", sa.String(length=64), nullable=False),
        sa.Column("normal", sa.String(length=64), nullable=True),
        sa.Column("valid_from", sa.BigInteger(), nullable=True),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
    )
