"""Watches the reports of every living instance, of new ones from the event that announces them."""

import threading
import time
from typing import Any

from common.openstack import log
from trove.db import instances, observations
from trove.db.store import Store

from .ports import Events, Reports

LOG = log.get(__name__)

SWEEP = 60.0
"""Seconds between two looks for instances whose announcement was lost, and for agents that have fallen silent."""


class Conductor:
    """Several may run at once: they share the guests' queues."""

    def __init__(self, store: Store, events: Events, reports: Reports) -> None:
        self._store = store
        self._events = events
        self._reports = reports
        self._watched: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_watching, name="conductor", daemon=True)

    def start(self) -> None:
        self._events.subscribe("conductor.watch.*", self._hear)
        self._events.subscribe("conductor.unwatch.*", self._hear)
        self._look_round()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _hear(self, key: str, ids: dict[str, Any]) -> None:
        if key.startswith("conductor.watch."):
            self._watch(ids["instance_id"])
        else:
            self._unwatch(ids["instance_id"])

    def _keep_watching(self) -> None:
        while not self._stopping.wait(SWEEP):
            try:
                self._look_round()
                self._tell_silence()
            except Exception as error:  # noqa: BLE001 (the store may be away; the next look may find it again)
                LOG.error("The conductor's look round met a defect; there will be another.", error)

    def _look_round(self) -> None:
        with self._lock:
            watched = frozenset(self._watched)  # before the look, which does not show what is announced after it
        with self._store.read() as connection:
            living = instances.living(connection)
        for instance_id in sorted(living - watched):
            self._watch(instance_id)
        for instance_id in sorted(watched - living):
            self._unwatch(instance_id)

    def _tell_silence(self) -> None:
        """Not before the first pause is over: what agents have sent meanwhile waits at the broker."""
        found = observations.MOST_LOST
        while found == observations.MOST_LOST:
            with self._store.write() as connection:
                found = observations.note_silence(connection, time.time())

    def _watch(self, instance_id: str) -> None:
        with self._lock:
            self._watched.add(instance_id)
            self._reports.watch(instance_id)

    def _unwatch(self, instance_id: str) -> None:
        with self._lock:
            self._watched.discard(instance_id)
            self._reports.unwatch(instance_id)
