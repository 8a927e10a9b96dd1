"""Requests that wait for news: only so many at a time, so that threads are left for those that do not, and of one
project only a part of them, so that places are left for others."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol, TypeVar

T = TypeVar("T")

LONGEST = 30.0
"""Seconds that a request waits at most, whatever it asks for."""


class Bell(Protocol):
    """``trove.bus.bell.Bell``."""

    @property
    def rings(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    def wait(self, heard: int, seconds: float) -> bool: ...


class Waits:
    """``most``: requests that may wait at the same time, half of them (rounded up) of one project. Beyond it nobody
    waits: the answer comes early."""

    def __init__(self, bell: Bell, most: int) -> None:
        self._bell = bell
        self._most = most
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    def until(self, look: Callable[[], T], satisfied: Callable[[T], bool], seconds: float, *, project: str,
              every: float = LONGEST) -> T:
        """The first look that satisfies, or the last one of ``seconds``. What the bell does not tell of is looked for
        ``every`` so many seconds. ``project`` is who waits."""
        heard = self._bell.rings
        seen = look()
        if satisfied(seen) or seconds <= 0:
            return seen
        with self._place(project) as may_wait:
            until = monotonic() + min(seconds, LONGEST)
            while may_wait and not satisfied(seen) and not self._bell.closed and (left := until - monotonic()) > 0:
                if self._bell.wait(heard, min(left, every)) or every < left:
                    heard = self._bell.rings
                    seen = look()
        return seen

    @contextmanager
    def _place(self, project: str) -> Iterator[bool]:
        """Whether there is one."""
        with self._lock:
            found = self._waiting.total() < self._most and self._waiting[project] < -(-self._most // 2)
            self._waiting[project] += found
        try:
            yield found
        finally:
            with self._lock:
                self._waiting[project] -= found
                self._waiting += Counter()  # keeps what is above zero
