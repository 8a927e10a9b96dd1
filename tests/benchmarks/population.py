"""A store with instances in it that all live and report: the first is made by the control plane's own code without its
flows, the others are copies of its row with ids, keys and addresses of their own.
"""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from common.contract import types as t
from common.crypto import Key
from trove.db import births, catalog, instances, observations, schema, spots
from trove.db.store import Store, open_store
from trove.domain.creation import NewInstance, Rules
from trove.domain.spots import Spot
from trove.domain.states import Event, Task

PROJECT = "benchmark"
_KEYS = (schema.instances.c.key_to_guest, schema.instances.c.key_from_guest)


def populated(url: str, key_file: Path, count: int) -> Store:
    """A new store with ``count`` ACTIVE and HEALTHY instances of one project."""
    store = open_store(url, key_file)
    with store.write() as connection:
        catalog.seed(connection, {"mariadb": "10.11"})
        first = _first(connection, store)
        if count > 1:
            connection.execute(schema.instances.insert(), list(_copies(store, first, count - 1)))
    return store


def _first(connection: Connection, store: Store) -> dict[str, Any]:
    """The row of a new instance that was built and has reported."""
    instance_id = str(uuid.uuid4())
    version = catalog.choose(connection, "mariadb", None, None)
    flavor = catalog.wanted_flavor(connection, "1")
    births.insert(connection, store.vault, instance_id, PROJECT, NewInstance("instance 0", flavor="1", volume_gb=1),
                  version, flavor, Rules())
    instances.move(connection, instance_id, Task.BUILDING, Event.BUILT)
    spots.store(connection, instance_id, Spot(None, "127.64.0.1", 3306))
    assert observations.accept_heartbeat(connection, instance_id, heartbeat(1), time.time())
    return dict(connection.execute(select(schema.instances)).mappings().one())


def _copies(store: Store, first: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        instance_id = str(uuid.uuid4())
        keys = {column.name: store.vault.seal(column, instance_id, Key.generate().text()) for column in _KEYS}
        address = f"127.{65 + number // 62_500}.{number // 250 % 250}.{number % 250}"
        yield {**first, **keys, "id": instance_id, "name": f"instance {number}", "address": address}


def heartbeat(sequence: int) -> t.Heartbeat:
    """What the agent of an idle MariaDB server says."""
    stamp = t.Stamp(key_epoch=1, boot_count=1, sequence=sequence)
    return t.Heartbeat(stamp=stamp, status=t.ServiceStatus.HEALTHY, sentence="The server serves.", sent_at=time.time(),
                       server_started_at=1.0, root_enabled=False,
                       volume=t.FilesystemStats(total=2**30, used=2**27, free=2**30 - 2**27))
