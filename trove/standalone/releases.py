"""The releases of the agent in the state directory: those that nobody needs any more go."""

import shutil
import threading
import time
from pathlib import Path

from common.openstack import log
from trove.db import instances
from trove.db.store import Store
from trove.releases import pruning

LOG = log.get(__name__)

EVERY = 3600.0
"""Seconds between two looks."""


class ReleaseKeeper:
    """Keeps what an instance is placed with or runs from, what new ones get (``present``), and the newest."""

    def __init__(self, store: Store, root: Path, present: str) -> None:
        self._store = store
        self._root = root
        self._present = present
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="release-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 30.0) -> None:
        self._stopping.set()
        self._thread.join(patience)

    def prune(self) -> list[str]:
        """The hashes of those that went."""
        if not (self._root / "releases").is_dir():
            return []
        with self._store.read() as connection:
            needed = instances.pinned(connection) | {self._present}
        gone = [path for path in pruning.unneeded(self._root, time.time()) if path.name not in needed]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
            LOG.info("A release of the agent that nobody needs any more was removed.", release=path.name)
        return [path.name for path in gone]

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.prune()
            except Exception as error:  # noqa: BLE001 (the next look may find a store that answers again)
                LOG.error("The releases could not be looked through; there will be another look.", error)
            self._stopping.wait(EVERY)
