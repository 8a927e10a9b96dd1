"""Changes of settings that wait until an instance can get them, and that a request with a key may make a group."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("instances", sa.Column("settings_due", sa.String(64)))
    op.create_index("ix_instances_settings_due", "instances", ["settings_due"])
    op.alter_column("idempotency_keys", "instance_id", new_column_name="made_id")
