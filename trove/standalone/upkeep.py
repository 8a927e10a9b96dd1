"""What standalone looks after while it runs: its broker, and the places of the instances that should run."""

import queue
import threading
import time

from common.errors import NotFound, TroveError, Unreachable
from common.openstack import log
from trove.db import hosts, instances
from trove.db.views import Instance, Scope
from trove.domain.states import Task
from trove.taskmanager import create
from trove.taskmanager.services import Services

from .rabbit import PrivateNode

LOG = log.get(__name__)

LOOK_EVERY = 5.0
"""Seconds that the end of this service may go unnoticed by the thread that waits for the broker's."""

RETRY_PAUSE = 10.0
RENEW_EVERY = 86400.0

PLACES_EVERY = 300.0
"""Seconds between two looks at all places; a look takes a process of a third of a second for each instance."""

UNSETTLED = (Task.BUILDING, Task.UPGRADING, Task.ROTATING, Task.DELETING, Task.DELETE_FAILED)
"""In these a flow makes, changes or removes the place, or half of it is removed already and the rest is to follow."""


class BrokerKeeper:
    """Starts the private broker again when it dies, and renews its certificate in time."""

    def __init__(self, node: PrivateNode) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._keeping = threading.Thread(target=self._keep, name="broker-keeper", daemon=True)
        self._renewing = threading.Thread(target=self._renew, name="broker-renewal", daemon=True)

    def start(self) -> None:
        self._keeping.start()
        self._renewing.start()

    def stop(self) -> None:
        """Lets the broker alone from now on."""
        self._stopping.set()

    def join(self, patience: float) -> None:
        """Returns when it looks after nothing any more."""
        self._keeping.join(patience)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            if self._node.await_end(LOOK_EVERY) and not self._stopping.is_set():
                self._start_again()

    def _start_again(self) -> None:
        LOG.warning("The broker has died and is started again; guests and databases go on meanwhile.")
        try:
            self._node.start()
        except TroveError as error:
            LOG.error(f"The broker does not start: {error.sentence()}")
            self._stopping.wait(RETRY_PAUSE)

    def _renew(self) -> None:
        while not self._stopping.wait(RENEW_EVERY):
            try:
                if self._node.renew():
                    LOG.info("The broker has a new certificate.")
            except (TroveError, OSError) as error:
                LOG.error("The broker's certificate could not be renewed; tomorrow it is tried again.", error)


class PlaceKeeper:
    """After the start, again and again, and when a host is back: every instance that should run has its place, as it
    was placed, its supervisor and its agent."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._back: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._keep, name="place-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 30.0) -> None:
        """Returns when the place under way is whole."""
        self._stopping.set()
        self._back.put(None)
        self._thread.join(patience)

    def host_is_back(self, name: str) -> None:
        """Its places are looked after next."""
        self._back.put(name)

    def join(self, patience: float = 30.0) -> None:
        """Returns when all places have been looked after once."""
        self._looked.wait(patience)

    def _keep(self) -> None:
        host, all_again = None, 0.0
        while not self._stopping.is_set():
            if host is None:
                all_again = time.monotonic() + PLACES_EVERY
            try:
                self._repair_all(host)
            except Exception as error:  # noqa: BLE001 (the next look is to come, whatever became of this one)
                LOG.error("The places could not be looked after.", error)
            self._looked.set()
            host = self._next_back(all_again)

    def _next_back(self, until: float) -> str | None:
        """A host that is back; None when there was none ``until`` then (monotonic)."""
        try:
            return self._back.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def _repair_all(self, host: str | None) -> None:
        """All places of ``host``; None: of every machine."""
        with self._services.store.read() as connection:
            there = instances.living(connection) if host is None else frozenset(hosts.standing(connection, host))
            living = sorted(there - hosts.stranded(connection))
        silent: set[str | None] = set()
        for instance_id in living:
            if self._stopping.is_set():
                return
            try:
                self._repair(instance_id, silent)
            except TroveError as error:
                LOG.error(f"The place of an instance is not whole: {error.sentence()}", instance=instance_id)
            except Exception as error:  # noqa: BLE001 (the others are to have their turn)
                LOG.error("The place of an instance could not be looked after.", error, instance=instance_id)

    def _repair(self, instance_id: str, silent: set[str | None]) -> None:
        """A deletion that was asked for meanwhile has the last word: its flow may have been faster than we.

        ``silent``: the hosts that did not answer in this look. Each is waited for once.
        """
        instance = self._settled(instance_id)
        if instance is None or instance.spot is None or instance.spot.host in silent:
            return
        try:
            repaired = create.put_in_place(self._services, instance)
        except Unreachable:
            silent.add(instance.spot.host)
            raise
        if repaired:
            LOG.warning("The place of an instance was put right.", instance=instance_id, what=", ".join(repaired))
        after = self._look(instance_id)
        if after is None or after.task in (Task.DELETING, Task.DELETED):
            self._services.provider.unplace(instance_id, instance.spot.host)

    def _settled(self, instance_id: str) -> Instance | None:
        """The instance, unless it has no place yet or its place is being made or removed."""
        instance = self._look(instance_id)
        if instance is None or instance.address is None or instance.task in UNSETTLED:
            return None
        return instance if instance.placement else None

    def _look(self, instance_id: str) -> Instance | None:
        try:
            with self._services.store.read() as connection:
                return instances.get(connection, Scope.EVERY_PROJECT, instance_id)
        except NotFound:
            return None
