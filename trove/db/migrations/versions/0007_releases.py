"""From which release an agent is to run, and from which it does; and which one an upgrade is to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("instances", sa.Column("release", sa.String(64)))
    op.add_column("instances", sa.Column("agent_release", sa.String(64)))
    op.add_column("operations", sa.Column("release", sa.String(64)))
