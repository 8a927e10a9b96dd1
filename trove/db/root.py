"""Who opened a superuser to the network, and when. Kept although it is closed again: a superuser may have
left anything behind in the server."""

from sqlalchemy import Connection, select, update

from . import schema
from .views import RootHistory

_r = schema.root_history.c


def record(connection: Connection, instance_id: str, user_id: str, now: float) -> None:
    """The first opening stands; a later one only takes back that it was closed."""
    if history(connection, instance_id) is None:
        connection.execute(schema.root_history.insert().values(instance_id=instance_id, enabled_at=now,
                                                               enabled_by=user_id))
        return
    connection.execute(update(schema.root_history).where(_r.instance_id == instance_id).values(disabled_at=None))


def record_closed(connection: Connection, instance_id: str, now: float) -> None:
    connection.execute(update(schema.root_history).where(_r.instance_id == instance_id).values(disabled_at=now))


def history(connection: Connection, instance_id: str) -> RootHistory | None:
    row = connection.execute(select(schema.root_history).where(_r.instance_id == instance_id)).one_or_none()
    return None if row is None else RootHistory(row.instance_id, row.enabled_at, row.enabled_by, row.disabled_at)
