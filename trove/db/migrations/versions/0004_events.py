"""What happened to instances, for people to read and to follow."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("instances", sa.Column("agent_lost_at", sa.Float()))
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("instance_id", sa.String(36), nullable=False),
        sa.Column("instance_name", sa.String(255), nullable=False),
        sa.Column("operation_id", sa.String(36)),
        sa.Column("request_id", sa.String(64)),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("step", sa.String(64)),
        sa.Column("was", sa.String(32)),
        sa.Column("became", sa.String(32)),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_project", "events", ["project_id", "id"])
    op.create_index("ix_events_instance", "events", ["instance_id", "id"])
    op.create_index("ix_events_time", "events", ["project_id", "at"])
