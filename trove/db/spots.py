"""Who stands where. A spot is chosen in the transaction that stores it, so that no two creations choose the same."""

import time

from sqlalchemy import Connection, select, text, update

from trove.domain.spots import Load, Spot

from . import schema

_TURN = 0x73706F7473  # "spots"
_i, _f = schema.instances.c, schema.flavors.c


def take_turn(connection: Connection) -> None:
    """In ``Store.write``: until this transaction ends nobody else gets past here, and so finds or frees no spot."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})


def loads(connection: Connection) -> tuple[Load, ...]:
    """What all living instances take that have a spot, in every project."""
    query = (select(_i.id, _i.host, _i.address, _i.port, _f.ram, _i.volume_gb)
             .join_from(schema.instances, schema.flavors, _f.id == _i.flavor_id)
             .where(_i.deleted_at.is_(None), _i.address.is_not(None)))
    return tuple(Load(row.id, Spot(row.host, row.address, row.port), row.ram, row.volume_gb)
                 for row in connection.execute(query))


def store(connection: Connection, instance_id: str, spot: Spot) -> None:
    """Raises sqlalchemy's IntegrityError when another living instance has it."""
    connection.execute(update(schema.instances).where(_i.id == instance_id)
                       .values(host=spot.host, address=spot.address, port=spot.port, updated=time.time()))
