"""The way of the schema from one release to the next, one numbered file a step, run at start.

Alembic is loaded only when there is something to do: it costs 11 MB that a running service has no use for.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection

from common.errors import Conflict

HEAD = "0015"
_VERSION_TABLE = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))
_LOCK = 0x74726F7665  # "trove": serialises processes that start together on PostgreSQL


Alone = Callable[[], AbstractContextManager[None]]
"""Entered while the schema changes: nobody else may work on the store then."""


def upgrade(connection: Connection, alone: Alone) -> None:
    """Brings the schema to ``HEAD`` in the transaction that ``connection`` has open.

    Raises Conflict for the store of a newer release, and what ``alone`` raises.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    current = _current(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise Conflict(f"The store is of a newer release than this program (schema {current}, not {HEAD}).",
                       "Start that release again, or bring back store and flows as they were saved before the upgrade.")
    with alone():
        _migrate(connection)


def _migrate(connection: Connection) -> None:
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
