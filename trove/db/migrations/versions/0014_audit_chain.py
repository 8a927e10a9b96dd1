"""A chain over the rows of the audit, by which a change of them is noticed."""

import sqlalchemy as sa
from alembic import op

from trove.db.audit import KEPT_AT_LEAST

revision = "0014"
down_revision = "0013"

_WORDS = "the audit is written once"
_IS_THERE = "NEW.id IN (SELECT id FROM audit_chain)"


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chain")),
        sqlite_autoincrement=True,
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


_SQLITE = (
    "CREATE TRIGGER audit_chain_is_written_once BEFORE UPDATE ON audit_chain "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    "CREATE TRIGGER audit_chain_is_kept BEFORE DELETE ON audit_chain "
    f"WHEN OLD.at > (julianday('now') - 2440587.5) * 86400 - {KEPT_AT_LEAST:.0f} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    f"CREATE TRIGGER audit_chain_is_not_replaced BEFORE INSERT ON audit_chain WHEN {_IS_THERE} "
    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
)
_POSTGRESQL = (
    "CREATE TRIGGER audit_chain_is_written_once BEFORE UPDATE ON audit_chain FOR EACH ROW "
    "EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_chain_is_kept BEFORE DELETE ON audit_chain FOR EACH ROW "
    f"WHEN (OLD.at > extract(epoch FROM now()) - {KEPT_AT_LEAST:.0f}) EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_chain_is_not_emptied BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT "
    "EXECUTE FUNCTION audit_refuses()",
)
