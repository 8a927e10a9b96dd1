"""How a waiting step learns that its instance has news: a bell an instance, rung by events of the bus or in process.

A bell says only "look again": what counts is in the store, so a ring that is lost costs patience and nothing else.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopping(BaseException):
    """The task manager stops: the step ends without a result, and is taken up again at the next start.

    Not an Exception: the flow engine would record an Exception as the step's result.
    """


class Bell:
    """Rung or not; waiting takes the ring away."""

    def __init__(self, stopping: threading.Event) -> None:
        self._rung = threading.Event()
        self._stopping = stopping

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Returns when rung, or after ``seconds``. Raises Stopping."""
        if not self._stopping.is_set():
            self._rung.wait(seconds)
            self._rung.clear()
        if self._stopping.is_set():
            raise Stopping


class Signals:
    """All bells that somebody waits at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._stopping = threading.Event()

    @contextmanager
    def watch(self, instance_id: str) -> Iterator[Bell]:
        bell = Bell(self._stopping)
        with self._lock:
            self._bells[instance_id].add(bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[instance_id].discard(bell)
                if not self._bells[instance_id]:
                    del self._bells[instance_id]

    def ring(self, instance_id: str) -> None:
        with self._lock:
            bells = tuple(self._bells.get(instance_id, ()))
        for bell in bells:
            bell.ring()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ends every wait, now and later."""
        self._stopping.set()
        with self._lock:
            bells = [bell for waiting in self._bells.values() for bell in waiting]
        for bell in bells:
            bell.ring()
