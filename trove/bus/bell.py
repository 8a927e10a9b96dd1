"""A bell for who waits for news of the store: rung here at once, and in the other processes over the bus.

Ringing never waits and never fails: a thread of its own tells the bus, once for all that was rung meanwhile. A ring of
another process may be lost with the bus: who waits looks again when his patience ends.
"""

import threading
from typing import Any, Protocol

from common import crypto

KEY = "news"


class Bus(Protocol):
    """``trove.bus.Events``."""

    def publish(self, key: str, **ids: object) -> None: ...
    def subscribe(self, pattern: str, callback: Any) -> object: ...


class Bell:
    """Counts its rings, so that none is missed between a look and the waiting after it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0
        self._closed = False

    @property
    def rings(self) -> int:
        """To be read before the look that may lead to waiting."""
        return self._rings

    @property
    def closed(self) -> bool:
        return self._closed

    def ring(self) -> None:
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> bool:
        """Whether it was rung since ``heard`` rings; at the latest after ``seconds``, or when it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._rings != heard, seconds)
            return self._rings != heard

    def close(self) -> None:
        """Nobody waits any more, now or later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Relay:
    """Between the bells of several processes."""

    def __init__(self, bell: Bell, bus: Bus, pause: float = 0.05) -> None:
        """``pause``: seconds between two rings over the bus."""
        self._bell = bell
        self._bus = bus
        self._pause = pause
        self._own = crypto.random_id()
        self._rung = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bell", daemon=True)

    def start(self) -> None:
        self._bus.subscribe(KEY, self._hear)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._rung.set()
        self._thread.join()

    def ring(self) -> None:
        """Here and everywhere."""
        self._bell.ring()
        self._rung.set()

    def _hear(self, _key: str, ids: dict[str, Any]) -> None:
        if ids.get("by") != self._own:
            self._bell.ring()

    def _work(self) -> None:
        while True:
            self._rung.wait()
            if self._stopping.wait(self._pause):
                return
            self._rung.clear()
            self._bus.publish(KEY, by=self._own)
