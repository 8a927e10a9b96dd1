"""How a waiting step learns that its instance has news: a bell an instance, rung by events of the bus or in process.

A bell says only "look again": what counts is in the store, so a ring that is lost costs patience and nothing else.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from . import lease


class Stopping(BaseException):
    """The task manager stops: the step ends without a result, and is taken up again at the next start.

    Not an Exception: the flow engine would record an Exception as the step's result.
    """


class Bell:
    """Rung or not; waiting takes the ring away."""

    def __init__(self, signals: "Signals") -> None:
        self._rung = threading.Event()
        self._signals = signals

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Returns when rung, or after ``seconds``. Raises Stopping."""
        if not self._signals.stopping:
            self._rung.wait(seconds)
            self._rung.clear()
        self._signals.require()


class Signals:
    """All bells that somebody waits at, and whether this process may act at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._stopping = False
        self._acts_until = math.inf
        self._verdict = threading.Condition()

    @contextmanager
    def watch(self, instance_id: str) -> Iterator[Bell]:
        bell = Bell(self)
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
        return self._stopping

    def allow(self, until: float) -> None:
        """This process may act until then, by ``lease.clock``."""
        with self._verdict:
            self._acts_until = until
            self._verdict.notify_all()

    def require(self) -> None:
        """Returns when this process may act. One whose lease has run out, as it stood still or the store was away,
        learns first whether it still has it. Raises Stopping.
        """
        with self._verdict:
            self._verdict.wait_for(lambda: self._stopping or lease.clock() < self._acts_until)
        if self._stopping:
            raise Stopping

    def pause(self, seconds: float) -> None:
        """Raises Stopping, at once when somebody stops everything meanwhile."""
        with self._verdict:
            self._verdict.wait_for(lambda: self._stopping, seconds)
        self.require()

    def stop(self) -> None:
        """Ends every wait, now and later."""
        with self._verdict:
            self._stopping = True
            self._verdict.notify_all()
        with self._lock:
            bells = [bell for waiting in self._bells.values() for bell in waiting]
        for bell in bells:
            bell.ring()
