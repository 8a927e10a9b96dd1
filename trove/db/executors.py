"""The task managers' leases: who may run flows, and whose flows a peer may take over.

A row is one life of one task manager: its executor id ends with the life, so that what a former life left can never be
taken for work of the present one.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from . import operations, schema

_e = schema.executors.c


@dataclass(frozen=True, slots=True)
class Lease:
    """``until`` in seconds since 1970; 0 when it was let go."""

    executor: str
    holder: str
    until: float


def enlist(connection: Connection, lease: Lease) -> None:
    connection.execute(schema.executors.insert().values(id=lease.executor, holder=lease.holder,
                                                        lease_until=lease.until))


def others(connection: Connection, executor: str) -> tuple[Lease, ...]:
    """Every lease but that of ``executor``."""
    query = select(_e.id, _e.holder, _e.lease_until).where(_e.id != executor).order_by(_e.id)
    return tuple(Lease(*row) for row in connection.execute(query))


def renew(connection: Connection, lease: Lease) -> bool:
    """False when somebody else took it over."""
    statement = update(schema.executors).where(_e.id == lease.executor, _e.holder == lease.holder)
    return connection.execute(statement.values(lease_until=lease.until)).rowcount == 1


def take_over(connection: Connection, dead: Lease, heir: Lease, deadline: float) -> bool:
    """Gives the lease of ``dead`` to the holder of ``heir``, and its operations to the heir's executor.

    ``deadline``: when the heir must have taken up their steps again, in seconds since 1970. False when ``dead`` has
    renewed it, or a peer was faster.
    """
    statement = update(schema.executors).where(_e.id == dead.executor, _e.holder == dead.holder,
                                               _e.lease_until == dead.until)
    if connection.execute(statement.values(holder=heir.holder, lease_until=heir.until)).rowcount != 1:
        return False
    operations.hand_over(connection, dead.executor, heir.executor, deadline)
    return True


def remove(connection: Connection, executor: str) -> None:
    """Its flows go on elsewhere."""
    connection.execute(delete(schema.executors).where(_e.id == executor))
