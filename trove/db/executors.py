"""The task managers' leases: who may run flows under which name, and whose flows a peer may take over."""

from sqlalchemy import Connection, delete, select, update

from . import operations, schema

_e = schema.executors.c


def holder(connection: Connection, executor: str, now: float) -> str | None:
    """Who has the lease, None when nobody has or it ran out."""
    query = select(_e.holder).where(_e.id == executor, _e.lease_until > now)
    return connection.execute(query).scalar_one_or_none()


def take(connection: Connection, executor: str, holder: str, until: float) -> None:
    """Gives the lease to ``holder``, whoever had it."""
    connection.execute(delete(schema.executors).where(_e.id == executor))
    connection.execute(schema.executors.insert().values(id=executor, holder=holder, lease_until=until))


def renew(connection: Connection, executor: str, holder: str, until: float) -> bool:
    """False when somebody else took it over."""
    statement = update(schema.executors).where(_e.id == executor, _e.holder == holder).values(lease_until=until)
    return connection.execute(statement).rowcount == 1


def let_go(connection: Connection, executor: str, holder: str) -> None:
    """A task manager that stops: a peer may take over at once."""
    renew(connection, executor, holder, 0.0)


def expired(connection: Connection, now: float) -> tuple[str, ...]:
    return tuple(connection.execute(select(_e.id).where(_e.lease_until <= now)).scalars())


def adopt(connection: Connection, dead: str, heir: str, now: float, patience: float) -> bool:
    """Gives the operations of ``dead`` to ``heir``, who has ``patience`` seconds to go on with them.

    False when a peer was faster.
    """
    lost = delete(schema.executors).where(_e.id == dead, _e.lease_until <= now)
    if connection.execute(lost).rowcount != 1:
        return False
    operations.hand_over(connection, dead, heir, now + patience)
    return True
