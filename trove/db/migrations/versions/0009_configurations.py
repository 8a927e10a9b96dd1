"""Groups of settings, which of them an instance has, and what it waits for a restart with."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "configurations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("datastore_version_id", sa.String(36), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("repair", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configurations")),
        sa.ForeignKeyConstraint(["datastore_version_id"], ["datastore_versions.id"],
                                name=op.f("fk_configurations_datastore_version_id")),
    )
    op.create_index("ix_configurations_project", "configurations", ["project_id", "deleted_at", "id"])
    op.add_column("instances", sa.Column("configuration_id", sa.String(36)))
    op.add_column("instances", sa.Column("configured", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("instances", sa.Column("observed_waiting", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_instances_configuration_id", "instances", ["configuration_id"])
