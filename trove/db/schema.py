"""The tables. Desired columns are written by API and flows, observed ones by the conductor alone.

Times are UTC, without zone, in seconds with fraction as float since 1970 (``Float``), so that both stores compare them
alike. ``Encrypted`` columns hold text sealed under the installation's key file. A deleted instance keeps its row,
without secrets.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .encrypted import Encrypted

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
                       "fk": "fk_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
)

datastores = Table(
    "datastores", metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("manager", String(255), nullable=False),
    Column("default_version_id", String(36)),
)

datastore_versions = Table(
    "datastore_versions", metadata,
    Column("id", String(36), primary_key=True),
    Column("datastore_id", ForeignKey("datastores.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", String(255), nullable=False),
    Column("binaries", String(255), nullable=False, default=""),
    Column("active", Boolean, nullable=False, default=True),
    UniqueConstraint("datastore_id", "name", "version"),
)

# What operators say of single parameters, in the place of the catalogue that comes with a release.
parameter_rules = Table(
    "parameter_rules", metadata,
    Column("datastore_version_id", ForeignKey("datastore_versions.id"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("data_type", String(16), nullable=False),
    Column("restart_required", Boolean, nullable=False),
    Column("minimum", String(40)),  # numbers as text: they reach beyond 64 bits with a sign
    Column("maximum", String(40)),
    Column("deleted_at", Float),
)

# Groups of settings. ``values`` is JSON of texts by name, both as the server writes them.
configurations = Table(
    "configurations", metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("datastore_version_id", ForeignKey("datastore_versions.id"), nullable=False),
    Column("values", Text, nullable=False),
    Column("repair", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("deleted_at", Float),
    Index("ix_configurations_project", "project_id", "deleted_at", "id"),
)

flavors = Table(
    "flavors", metadata,
    Column("id", String(255), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("ram", Integer, nullable=False),
    Column("vcpus", Integer, nullable=False),
    Column("disk", Integer, nullable=False, default=0),
)

# Machines that carry instances, reached over SSH.
hosts = Table(
    "hosts", metadata,
    Column("name", String(64), primary_key=True),
    Column("address", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("user", String(64), nullable=False),
    Column("host_key", Text, nullable=False),
    Column("listen_address", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # trove.domain.hosts
    Column("facts", Text),  # JSON
    Column("problem", Text, nullable=False),
    Column("checked_at", Float),
    Column("created", Float, nullable=False),
    UniqueConstraint("address", "port"),
)

instances = Table(
    "instances", metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("deleted_at", Float),
    # desired: API and flows
    Column("task", String(32), nullable=False),
    Column("datastore_version_id", ForeignKey("datastore_versions.id"), nullable=False),
    Column("flavor_id", ForeignKey("flavors.id"), nullable=False),
    Column("volume_gb", Integer),
    Column("host", String(64)),  # a registered host by name; null: the control plane's own machine
    Column("address", String(64)),
    Column("port", Integer),
    Column("access", Text, nullable=False, default="{}"),
    Column("placement", Text),  # what the provider said of the place, JSON: how limits and volume are enforced
    Column("release", String(64)),  # of its agent, by hash: it is placed with that, and upgraded to another one
    Column("configuration_id", String(36), index=True),  # the group that it has
    Column("configured", Text, nullable=False, default="{}", server_default="{}"),  # what its guest has of that, JSON
    Column("settings_due", String(64), index=True),  # the request that changed its group when it could not get that
    Column("order", Encrypted),  # contract Prepare as JSON, with passwords; wiped when it serves or is to go
    Column("fault_message", Text),
    Column("fault_details", Text),
    Column("fault_at", Float),
    # the guest's secrets
    Column("key_epoch", Integer, nullable=False, default=1),
    Column("key_to_guest", Encrypted),
    Column("key_from_guest", Encrypted),
    Column("bus_password", Encrypted),
    Column("next_secrets", Encrypted),  # of key_epoch + 1, JSON; while they are changed these are valid, too
    # observed: conductor
    Column("observed_status", String(32), nullable=False, default="new"),
    Column("observed_sentence", Text, nullable=False, default=""),
    Column("observed_drift", Text, nullable=False, default="", server_default=""),  # what was told of it already
    Column("observed_waiting", Text, nullable=False, default="", server_default=""),  # names, with blanks between
    Column("observed_at", Float),
    Column("observed_epoch", Integer, nullable=False, default=0),
    Column("observed_boot", Integer, nullable=False, default=0),
    Column("observed_sequence", BigInteger, nullable=False, default=0),
    Column("hello_epoch", Integer, nullable=False, default=0),
    Column("hello_boot", Integer, nullable=False, default=0),
    Column("observed_clock_skew", Float),
    Column("server_started_at", Float),
    Column("volume_total", BigInteger),
    Column("volume_used", BigInteger),
    Column("root_observed", Boolean),
    Column("agent_version", String(64)),
    Column("contract_version", String(16)),
    Column("agent_release", String(64)),  # that its agent runs from; null when it does not say
    Column("capabilities", Text, nullable=False, default=""),
    Column("incarnation", String(64)),
    Column("agent_lost_at", Float),  # when it was told that nothing is heard from its agent
    Index("ix_instances_project", "project_id", "deleted_at", "id"),
    # an address and port belong to one living instance
    Index("uq_instances_address", "address", "port", unique=True,
          sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
)

operations = Table(
    "operations", metadata,
    Column("id", String(36), primary_key=True),
    Column("instance_id", ForeignKey("instances.id"), nullable=False, index=True),
    Column("project_id", String(255), nullable=False),
    Column("kind", String(32), nullable=False),  # trove.domain.kinds
    Column("release", String(64)),  # of an upgrade; null until it is known which one
    Column("state", String(16), nullable=False),  # asked, running, done, failed, cancelled
    Column("request_id", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("step", String(64), nullable=False, default=""),
    Column("step_since", Float),
    Column("sentence", Text, nullable=False, default=""),
    Column("deadline", Float),
    Column("percent", Float),
    Column("error_code", String(32)),
    Column("error_message", Text),
    Column("error_hint", Text),
    Column("next_try", Float),  # of a step that failed for now; the error is its last one
    Column("executor_id", String(64)),
    Column("cancel_asked", Boolean, nullable=False, default=False),
    Index("ix_operations_state", "state"),
    Index("ix_operations_project", "project_id", "created"),
)

# One row an order to a guest (an operation of the contract); the conductor alone writes the lower half.
guest_orders = Table(
    "guest_orders", metadata,
    Column("id", String(64), primary_key=True),  # <operation id>.<step>
    Column("instance_id", ForeignKey("instances.id"), nullable=False, index=True),
    Column("method", String(64), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("state", String(16)),
    Column("sentence", Text),
    Column("percent", Float),
    Column("progress_at", Float),
    Column("error_code", String(32)),
    Column("error_message", Text),
    Column("error_hint", Text),
    Column("ended_at", Float),
)

quota_limits = Table(
    "quota_limits", metadata,
    Column("project_id", String(255), primary_key=True),
    Column("resource", String(32), primary_key=True),
    Column("limit", Integer, nullable=False),
)

quota_usage = Table(
    "quota_usage", metadata,
    Column("project_id", String(255), primary_key=True),
    Column("resource", String(32), primary_key=True),
    Column("in_use", Integer, nullable=False),
)

# What an instance holds of its project's quota; released by deleting the row in the same transaction.
quota_reservations = Table(
    "quota_reservations", metadata,
    Column("instance_id", String(36), primary_key=True),
    Column("resource", String(32), primary_key=True),
    Column("project_id", String(255), nullable=False),
    Column("amount", Integer, nullable=False),
)

root_history = Table(
    "root_history", metadata,
    Column("instance_id", String(36), primary_key=True),
    Column("enabled_at", Float, nullable=False),
    Column("enabled_by", String(255), nullable=False),
    Column("disabled_at", Float),
)

# What a POST with an Idempotency-Key did and was answered. ``id`` is a hash of project and key, ``fingerprint`` one of
# the request under the installation's key. ``made_id`` and ``operation_id`` are set in the transaction that does the
# work, ``status`` and ``answer`` when it is answered; ``holder`` is the life of the API that works on it.
idempotency_keys = Table(
    "idempotency_keys", metadata,
    Column("id", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("began", Float, nullable=False, index=True),
    Column("holder", String(36)),
    Column("made_id", String(36)),
    Column("operation_id", String(36)),
    Column("status", Integer),
    Column("answer", Encrypted),
)

# What happened, append-only. It refers to no other table: see ``trove.db.events`` for why, and for the order of ids.
events = Table(
    "events", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("project_id", String(255), nullable=False),
    Column("instance_id", String(36), nullable=False),
    Column("instance_name", String(255), nullable=False),
    Column("operation_id", String(36)),
    Column("request_id", String(64)),
    Column("kind", String(32), nullable=False),  # trove.domain.events
    Column("step", String(64)),
    Column("was", String(32)),
    Column("became", String(32)),
    Column("sentence", Text, nullable=False),
    Index("ix_events_project", "project_id", "id"),
    Index("ix_events_instance", "instance_id", "id"),
    Index("ix_events_time", "project_id", "at"),
    sqlite_autoincrement=True,  # or the id of a removed event would come again
)

# Who asked for what. Triggers keep rows as they are: see ``trove.db.audit``.
audit = Table(
    "audit", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("request_id", String(64)),
    Column("project_id", String(255), nullable=False),
    Column("user_id", String(255), nullable=False),
    Column("roles", Text, nullable=False),
    Column("how", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("instance_id", String(36)),
    Column("rules", Text, nullable=False),
    Column("status", Integer),
    Column("outcome", String(16), nullable=False),
    Column("seconds", Float),
    Column("operation_id", String(36)),
    Column("made", String(64)),
    Index("ix_audit_project", "project_id", "id"),
    Index("ix_audit_time", "at"),
    sqlite_autoincrement=True,
)

# A chain over the rows of the audit: see ``trove.db.audit_chain``. A link has those behind ``after``, up to ``last``.
audit_chain = Table(
    "audit_chain", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    sqlite_autoincrement=True,
)

# Tokens of our own for the REST API. ``used``: the last use that was written down, about a minute exact.
api_tokens = Table(
    "api_tokens", metadata,
    Column("id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("project_id", String(255), nullable=False),
    Column("roles", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("used", Float),
    Column("revoked", Float),
)

# The task managers. ``holder`` names the process that has the lease, beyond doubt: boot, process id, start time.
executors = Table(
    "executors", metadata,
    Column("id", String(64), primary_key=True),
    Column("lease_until", Float, nullable=False),
    Column("holder", String(128), nullable=False),
)

# One row, sealed when the store was made: it opens under the key file of this store and under no other.
seals = Table(
    "seals", metadata,
    Column("id", String(8), primary_key=True),
    Column("sealed", Encrypted, nullable=False),
)
