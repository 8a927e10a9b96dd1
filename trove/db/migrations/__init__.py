"""The way of the schema from one release to the next, one numbered file a step, run at start.

Alembic is loaded only when there is something to do: it costs 11 MB that a running service has no use for.
"""

from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection

HEAD = "0004"
_VERSION_TABLE = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))
_LOCK = 0x74726F7665  # "trove": serialises processes that start together on PostgreSQL


def upgrade(connection: Connection) -> None:
    """Brings the schema to ``HEAD`` in the transaction that ``connection`` has open."""
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if _current(connection) == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table(_VERSION_TABLE.name):
        return None
    number = connection.execute(sqlalchemy.select(_VERSION_TABLE.c.version_num)).scalar_one_or_none()
    return None if number is None else str(number)
