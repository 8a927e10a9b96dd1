"""The keys and the login that are to take the place of a guest's, while both are valid."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("instances", sa.Column("next_secrets", sa.Text()))
