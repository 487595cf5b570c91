"""Feeds that move, what feeds ask of us, pauses of hosts, subscriptions at hubs, and what pages reserve."""

import sqlalchemy as sa
from alembic import op

from digest.edges.tables import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("address", "moved", "hub", "topic"):
        op.add_column("feed", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("moved_on", "skip_hours"):
        op.add_column("feed", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    for name in ("pace", "wait"):
        op.add_column("feed", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("fetch", sa.Column("robots", sa.String(length=12), nullable=False, server_default=""))
    op.add_column("fetch", sa.Column("reservation", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "pause",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_pause")),
    )
    op.create_table(
        "robots",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_robots")),
    )
    op.create_table(
        "subscription",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_subscription")),
        sa.UniqueConstraint("token", name=op.f("uq_subscription_token")),
    )
