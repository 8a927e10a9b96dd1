"""Ways of guests on the broker: a broker may lose its disk, or somebody may delete a queue of it.

Without its login and queues an instance is neither heard nor reached, while its database serves. So the guests of a
host that is lost for good have no login: should the machine turn up, in whoever's hands, nobody there is heard.
"""

import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from common.errors import NotFound, TroveError
from common.openstack import log
from common.secret import Secret
from trove.db import guests, hosts, instances
from trove.db.store import Store
from trove.db.views import Scope
from trove.domain.states import Task

LOG = log.get(__name__)

SWEEP = 60.0
"""Seconds between two looks at most."""

UNSETTLED = (Task.BUILDING, Task.BUILD_FAILED, Task.DELETING, Task.DELETE_FAILED, Task.DELETED)
"""In these a flow makes or removes the way, or it may be half made or half removed."""


class Topology(Protocol):
    """``trove.bus.GuestTopology``."""

    def prepare(self) -> None: ...
    def lacking(self, instance_ids: Iterable[str]) -> frozenset[str]: ...
    def create(self, instance_id: str, logins: Mapping[int, Secret]) -> None: ...
    def delete(self, instance_id: str) -> None: ...
    def shut_out(self, instance_ids: Collection[str]) -> None: ...


class WayKeeper:
    """Looks at once, whenever the bus has a new connection, and again and again, on a thread of its own."""

    def __init__(self, store: Store, topology: Topology) -> None:
        self._store = store
        self._topology = topology
        self._stopping = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._work, name="way-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self, _channel: object = None) -> None:
        """Looks again soon. A callback of ``Bus.on_connect``."""
        self._bell.set()

    def stop(self, patience: float = 30.0) -> None:
        self._stopping = True
        self._bell.set()
        self._thread.join(patience)

    def sweep(self) -> None:
        """One look, and what follows from it. Raises Unreachable."""
        with self._store.read() as connection:
            stranded = hosts.stranded(connection)
            living = instances.living(connection) - stranded
        if stranded:
            self._topology.shut_out(stranded)
        lacking = self._topology.lacking(living)
        if lacking:
            self._topology.prepare()
        for instance_id in sorted(lacking):
            if self._stopping:
                return
            self._repair(instance_id)

    def _repair(self, instance_id: str) -> None:
        """A deletion that was asked for meanwhile has the last word: its flow may have been faster than we."""
        if self._task(instance_id) in UNSETTLED:
            return
        try:
            with self._store.read() as connection:
                logins = guests.bus_passwords(connection, self._store.vault, instance_id)
        except NotFound:
            return
        LOG.warning("An instance has no way on the message bus; it is made again.", instance=instance_id)
        self._topology.create(instance_id, logins)
        if self._task(instance_id) in (Task.DELETING, Task.DELETED):
            self._topology.delete(instance_id)

    def _task(self, instance_id: str) -> Task:
        try:
            with self._store.read() as connection:
                return instances.get(connection, Scope.EVERY_PROJECT, instance_id).task
        except NotFound:
            return Task.DELETED

    def _work(self) -> None:
        while not self._stopping:
            self._bell.clear()
            try:
                self.sweep()
            except TroveError as error:
                LOG.info(f"Guests' ways on the bus cannot be looked at now: {error.sentence()}")
            except Exception as error:  # noqa: BLE001 (the next look may find a store or a broker that works again)
                LOG.error("A look at guests' ways on the bus met a defect; there will be another.", error)
            self._bell.wait(SWEEP)
