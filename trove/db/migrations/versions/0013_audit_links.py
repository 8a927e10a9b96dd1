"""Rows of the audit name the long work behind a request, and what it made; ways past the triggers are closed."""

import sqlalchemy as sa
from alembic import op

from trove.db.audit import UNKNOWN

revision = "0013"
down_revision = "0012"

_FIXED = ("id", "at", "request_id", "project_id", "user_id", "roles", "how", "address", "action", "path")
_ONCE = ("instance_id", "operation_id")
_WORDS = "the audit is written once"


def upgrade() -> None:
    op.add_column("audit", sa.Column("operation_id", sa.String(36)))
    op.add_column("audit", sa.Column("made", sa.String(64)))
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


_CHANGED = " OR ".join([*(f"NEW.{name} IS NOT OLD.{name}" for name in _FIXED),
                        *(f"(OLD.{name} IS NOT NULL AND NEW.{name} IS NOT OLD.{name})" for name in _ONCE)])
_DISTINCT = _CHANGED.replace("IS NOT OLD", "IS DISTINCT FROM OLD")
_IS_THERE = "NEW.id IN (SELECT id FROM audit)"
_SQLITE = (
    "DROP TRIGGER audit_is_completed_once",
    f"CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit WHEN OLD.outcome <> '{UNKNOWN}' OR {_CHANGED} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    # INSERT OR REPLACE removes a row without asking the trigger for removals
    f"CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN {_IS_THERE} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
)
_POSTGRESQL = (
    "DROP TRIGGER audit_is_completed_once ON audit",
    "CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit FOR EACH ROW "
    f"WHEN (OLD.outcome <> '{UNKNOWN}' OR {_DISTINCT}) EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
)
