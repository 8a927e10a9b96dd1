"""Which calls an agent has seen in this life, so that a copied message does nothing the second time.

Only the senders' clocks count: a message is refused when its ``sent_at`` lies more than ten minutes before the newest
seen, and within these ten minutes when its id is known. An agent's own clock may be wrong without harm.
"""

import heapq
import threading

from common.openstack.rpc.envelope import Refusal

WINDOW = 600.0
"""Seconds."""

CAPACITY = 20_000
"""Ids that are remembered; beyond it the window shrinks rather than the memory grows (about 4 MB at the very most)."""


class Refused(Exception):
    """Carries the Refusal to answer with."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class ReplayGuard:
    """Thread-safe. ``admit`` lets every id pass once at most."""

    def __init__(self, window: float = WINDOW, capacity: int = CAPACITY) -> None:
        self._window = window
        self._capacity = capacity
        self._newest = float("-inf")
        self._forgotten = float("-inf")
        self._ids: set[str] = set()
        self._by_age: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def admit(self, message_id: str, sent_at: float) -> None:
        """Raises Refused."""
        with self._lock:
            if message_id in self._ids:
                raise Refused(Refusal.REPLAYED)
            if sent_at <= self._forgotten or sent_at < self._newest - self._window:
                raise Refused(Refusal.OUTDATED)
            self._ids.add(message_id)
            heapq.heappush(self._by_age, (sent_at, message_id))
            self._newest = max(self._newest, sent_at)
            self._forget()

    def _forget(self) -> None:
        """Every forgotten id raises the line below which nothing is admitted, so it cannot come back."""
        while self._by_age[0][0] < self._newest - self._window or len(self._by_age) > self._capacity:
            self._forgotten, message_id = heapq.heappop(self._by_age)
            self._ids.discard(message_id)

    def __len__(self) -> int:
        return len(self._ids)
