"""Places that nobody has any more: of instances that were deleted, and of none that the store does not know.

An order to make a place is carried out even if the control plane that gave it is killed, and so perhaps after the
removal that the next one saw to.
"""

import threading

from common.errors import TroveError
from common.openstack import log
from trove.db import instances
from trove.db.store import Store
from trove.providers.base import Provider

LOG = log.get(__name__)

SWEEP = 60.0
"""Seconds between two looks."""


class RemainsKeeper:
    """Looks at once, whenever it is woken, and then again and again, on a thread of its own."""

    def __init__(self, store: Store, provider: Provider) -> None:
        self._store = store
        self._provider = provider
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._work, name="remains-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Looks again soon."""
        self._bell.set()

    def stop(self, patience: float = 30.0) -> None:
        """Returns when the removal under way is done, or after ``patience`` seconds."""
        self._stopping.set()
        self._bell.set()
        self._thread.join(patience)

    def sweep(self) -> None:
        """One look at each host, and what follows from it; a host that fails does not keep others from their turn."""
        for host in self._provider.hosts():
            try:
                self._sweep(host)
            except TroveError as error:
                LOG.error(f"What is left of an instance cannot be removed: {error.sentence()}", host=host)

    def _sweep(self, host: str | None) -> None:
        placed = self._provider.placed(host)
        with self._store.read() as connection:
            deleted = instances.deleted(connection, placed)
        for instance_id in sorted(deleted):
            if self._stopping.is_set():
                return
            LOG.warning("A deleted instance has a place; it is removed.", instance=instance_id, host=host)
            self._provider.unplace(instance_id, host)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                self.sweep()
            except Exception as error:  # noqa: BLE001 (the next look may find a store or a provider that works again)
                LOG.error("A look for what is left of instances met a defect; there will be another.", error)
            self._bell.wait(SWEEP)
