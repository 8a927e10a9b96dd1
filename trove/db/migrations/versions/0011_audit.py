"""Who asked for what: rows that are written once, completed once, and kept for a week at least."""

import sqlalchemy as sa
from alembic import op

from trove.db.audit import KEPT_AT_LEAST, UNKNOWN

revision = "0011"
down_revision = "0010"

_FIXED = ("id", "at", "request_id", "project_id", "user_id", "roles", "how", "address", "action", "path", "instance_id")
_WORDS = "the audit is written once"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("action", sa.String(255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.String(36)),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Float()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_project", "audit", ["project_id", "id"])
    op.create_index("ix_audit_time", "audit", ["at"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


_CHANGED = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _FIXED)
_DISTINCT = _CHANGED.replace("IS NOT", "IS DISTINCT FROM")
_SQLITE = (
    f"CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit WHEN OLD.outcome <> '{UNKNOWN}' OR {_CHANGED} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    "CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit "
    f"WHEN OLD.at > (julianday('now') - 2440587.5) * 86400 - {KEPT_AT_LEAST:.0f} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$",
    "CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit FOR EACH ROW "
    f"WHEN (OLD.outcome <> '{UNKNOWN}' OR {_DISTINCT}) EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit FOR EACH ROW "
    f"WHEN (OLD.at > extract(epoch FROM now()) - {KEPT_AT_LEAST:.0f}) EXECUTE FUNCTION audit_refuses()",
)
