"""What else a text tells of an act: how far it has come, its day, sum, and number of companies."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("act", schema=None) as batch_op:
        batch_op.add_column(sa.Column("status", sa.String(12), nullable=False, server_default="done"))
        batch_op.add_column(sa.Column("day", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("amount", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("currency", sa.String(3), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("total", sa.Integer(), nullable=True))
