"""What operators say of single parameters, in the place of the catalogue that comes with a release."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "parameter_rules",
        sa.Column("datastore_version_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("data_type", sa.String(16), nullable=False),
        sa.Column("restart_required", sa.Boolean(), nullable=False),
        sa.Column("minimum", sa.String(40)),
        sa.Column("maximum", sa.String(40)),
        sa.Column("deleted_at", sa.Float()),
        sa.PrimaryKeyConstraint("datastore_version_id", "name", name=op.f("pk_parameter_rules")),
        sa.ForeignKeyConstraint(["datastore_version_id"], ["datastore_versions.id"],
                                name=op.f("fk_parameter_rules_datastore_version_id")),
    )
