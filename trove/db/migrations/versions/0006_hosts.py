"""Registered hosts, and on which of them an instance stands."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "hosts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("host_key", sa.Text(), nullable=False),
        sa.Column("listen_address", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("facts", sa.Text()),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.Float()),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hosts")),
        sa.UniqueConstraint("address", "port", name=op.f("uq_hosts_address")),
    )
    op.add_column("instances", sa.Column("host", sa.String(64)))
