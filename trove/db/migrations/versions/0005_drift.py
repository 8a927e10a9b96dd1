"""Which findings of its agent were told of an instance."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("instances", sa.Column("observed_drift", sa.Text(), nullable=False, server_default=""))
