"""How fast each of many may go: so many at once, then so many a second. Who goes faster waits, and nobody else does."""

import time
from collections.abc import Callable


class Pace:
    """``turn`` is for one thread. ``burst`` turns at once, and ``rate`` a second from then on."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._step = 1.0 / rate
        self._ahead = burst * self._step
        self._clock = clock
        self._next: dict[str, float] = {}

    def turn(self, whose: str) -> float:
        """When the next turn may be taken, of ``clock``; it is counted as taken."""
        now = self._clock()
        at = max(now, self._next.get(whose, now))
        self._next[whose] = at + self._step
        return max(now, at + self._step - self._ahead)

    def forget(self, whose: str) -> None:
        self._next.pop(whose, None)
