"""The records of long work that ended long ago go, and the answers of yesterday, so that no store grows for ever.
Rows of the audit that are at rest come into its chain.
"""

import time
from collections.abc import Callable, Sequence

from common.openstack import log
from trove.db import answers, audit_chain, events, pruning
from trove.db.store import Store

LOG = log.get(__name__)

DAY = 86400.0
EVERY = 60.0
"""Seconds between two batches."""

BATCH = 200
"""Operations in one batch: a fraction of a second of the store's write lock."""

EVENT_BATCH = 1000
"""Events, and rows of the audit, that are looked at in one batch, however many there are."""


class Pruner:
    """``forget`` takes the flow engine's records of these operations away.

    ``days``: how long operations are kept, ``events_days``: how long events, ``audit_days``: how long the audit; 0:
    all of these are kept.
    """

    def __init__(self, store: Store, days: int, forget: Callable[[Sequence[str]], None],
                 events_days: int = 0, audit_days: int = 0) -> None:
        self._store = store
        self._days = days
        self._events_days = events_days
        self._audit_days = audit_days
        self._forget = forget
        self._chain = audit_chain.Chain(store)
        self._due = 0.0

    def turn(self) -> None:
        """One batch, when it is time for one."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY
        with self._store.write() as connection:
            answers.prune(connection, time.time())
            if self._events_days:
                events.prune(connection, time.time() - self._events_days * DAY, EVENT_BATCH)
            if self._audit_days:
                audit_chain.prune(connection, time.time() - self._audit_days * DAY, EVENT_BATCH)
        while self._chain.extend():
            pass
        if self._days:
            self.prune()

    def prune(self) -> int:
        """One batch; how many operations went. The flows' records go first: the operations lead to them."""
        with self._store.read() as connection:
            ids = pruning.outlived(connection, time.time() - self._days * DAY, BATCH)
        if ids:
            self._forget(ids)
            with self._store.write() as connection:
                pruning.remove(connection, ids)
            LOG.info("Operations that ended long ago are forgotten.", operations=len(ids))
        return len(ids)
