"""What POST requests with an Idempotency-Key did and were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("holder", sa.String(36)),
        sa.Column("instance_id", sa.String(36)),
        sa.Column("operation_id", sa.String(36)),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.Text()),
    )
    op.create_index("ix_idempotency_keys_began", "idempotency_keys", ["began"])
