"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _catalogue()
    _instances()
    _operations()
    _quota()
    _installation()


def _catalogue() -> None:
    op.create_table(
        "datastores",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("manager", sa.String(length=255), nullable=False),
        sa.Column("default_version_id", sa.String(length=36)),
        sa.PrimaryKeyConstraint("id", name="pk_datastores"),
        sa.UniqueConstraint("name", name="uq_datastores_name"),
    )
    op.create_table(
        "datastore_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("datastore_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("binaries", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["datastore_id"], ["datastores.id"], name="fk_datastore_versions_datastore_id"),
        sa.PrimaryKeyConstraint("id", name="pk_datastore_versions"),
        sa.UniqueConstraint("datastore_id", "name", "version", name="uq_datastore_versions_datastore_id"),
    )
    op.create_table(
        "flavors",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("ram", sa.Integer(), nullable=False),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("disk", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_flavors"),
        sa.UniqueConstraint("name", name="uq_flavors_name"),
    )


def _instances() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float()),
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("datastore_version_id", sa.String(length=36), nullable=False),
        sa.Column("flavor_id", sa.String(length=255), nullable=False),
        sa.Column("volume_gb", sa.Integer()),
        sa.Column("address", sa.String(length=64)),
        sa.Column("port", sa.Integer()),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("placement", sa.Text()),
        sa.Column("order", sa.Text()),
        sa.Column("fault_message", sa.Text()),
        sa.Column("fault_details", sa.Text()),
        sa.Column("fault_at", sa.Float()),
        sa.Column("key_epoch", sa.Integer(), nullable=False),
        sa.Column("key_to_guest", sa.Text()),
        sa.Column("key_from_guest", sa.Text()),
        sa.Column("bus_password", sa.Text()),
        sa.Column("observed_status", sa.String(length=32), nullable=False),
        sa.Column("observed_sentence", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.Float()),
        sa.Column("observed_epoch", sa.Integer(), nullable=False),
        sa.Column("observed_boot", sa.Integer(), nullable=False),
        sa.Column("observed_sequence", sa.BigInteger(), nullable=False),
        sa.Column("hello_epoch", sa.Integer(), nullable=False),
        sa.Column("hello_boot", sa.Integer(), nullable=False),
        sa.Column("observed_clock_skew", sa.Float()),
        sa.Column("server_started_at", sa.Float()),
        sa.Column("volume_total", sa.BigInteger()),
        sa.Column("volume_used", sa.BigInteger()),
        sa.Column("root_observed", sa.Boolean()),
        sa.Column("agent_version", sa.String(length=64)),
        sa.Column("contract_version", sa.String(length=16)),
        sa.Column("capabilities", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.String(length=64)),
        sa.ForeignKeyConstraint(["datastore_version_id"], ["datastore_versions.id"],
                                name="fk_instances_datastore_version_id"),
        sa.ForeignKeyConstraint(["flavor_id"], ["flavors.id"], name="fk_instances_flavor_id"),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
    )
    op.create_index("ix_instances_project", "instances", ["project_id", "deleted_at", "id"])
    op.create_index("uq_instances_address", "instances", ["address", "port"], unique=True,
                    sqlite_where=sa.text("deleted_at IS NULL"), postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_table(
        "root_history",
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("enabled_at", sa.Float(), nullable=False),
        sa.Column("enabled_by", sa.String(length=255), nullable=False),
        sa.Column("disabled_at", sa.Float()),
        sa.PrimaryKeyConstraint("instance_id", name="pk_root_history"),
    )


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("step_since", sa.Float()),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Float()),
        sa.Column("percent", sa.Float()),
        sa.Column("error_code", sa.String(length=32)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_hint", sa.Text()),
        sa.Column("executor_id", sa.String(length=64)),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_operations_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
    )
    op.create_index("ix_operations_instance_id", "operations", ["instance_id"])
    op.create_index("ix_operations_project", "operations", ["project_id", "created"])
    op.create_index("ix_operations_state", "operations", ["state"])
    op.create_table(
        "guest_orders",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=16)),
        sa.Column("sentence", sa.Text()),
        sa.Column("percent", sa.Float()),
        sa.Column("progress_at", sa.Float()),
        sa.Column("error_code", sa.String(length=32)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_hint", sa.Text()),
        sa.Column("ended_at", sa.Float()),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_guest_orders_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_guest_orders"),
    )
    op.create_index("ix_guest_orders_instance_id", "guest_orders", ["instance_id"])


def _quota() -> None:
    op.create_table(
        "quota_limits",
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "resource", name="pk_quota_limits"),
    )
    op.create_table(
        "quota_usage",
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("in_use", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "resource", name="pk_quota_usage"),
    )
    op.create_table(
        "quota_reservations",
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "resource", name="pk_quota_reservations"),
    )


def _installation() -> None:
    op.create_table(
        "executors",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_executors"),
    )
    op.create_table(
        "seals",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seals"),
    )
