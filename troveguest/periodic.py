"""Recurring work on one thread: at intervals of the monotonic clock, or at once when something has happened."""

import threading
import time
from collections.abc import Callable

from common.openstack import log

LOG = log.get(__name__)


class Task:
    """One recurring piece of work, ``due`` by the clock of its owner; ``wake`` makes it due now, from any thread."""

    def __init__(self, owner: "Periodic", name: str, interval: float, work: Callable[[], float | None]) -> None:
        self.due = owner.now()
        self._owner = owner
        self._name = name
        self._interval = interval
        self._work = work

    def wake(self) -> None:
        with self._owner.changed:
            self.due = min(self.due, self._owner.now())
            self._owner.changed.notify_all()

    def run(self) -> None:
        """What ``work`` returns is the pause until the next time, if it is a number; a defect costs one turn."""
        self.due = self._owner.now() + self._interval
        try:
            pause = self._work()
        except Exception as error:  # noqa: BLE001 (recurring work ends with its service, not with one bad turn)
            LOG.error(f"A turn of {self._name} failed and is tried again.", error)
            return
        with self._owner.changed:
            if pause is not None and self.due > self._owner.now():  # else somebody woke it meanwhile
                self.due = self._owner.now() + pause


class Periodic:
    """Runs its tasks one after the other, none of them twice at a time, until ``stop``."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self.changed = threading.Condition()
        self._tasks: list[Task] = []
        self._stopping = False
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def every(self, interval: float, name: str, work: Callable[[], float | None]) -> Task:
        """``work`` runs at start and then every ``interval`` seconds, counted from the start of each run."""
        task = Task(self, name, interval, work)
        self._tasks.append(task)
        return task

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Returns when the turn under way has ended, or ``timeout`` seconds have passed."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def run(self) -> None:
        """Until ``stop``; what ``start`` runs on a thread."""
        while (task := self._next()) is not None:
            task.run()

    def run_due(self) -> int:
        """Runs what is due now, each task once; how many that were. For a caller with a clock of its own."""
        due = [task for task in self._tasks if task.due <= self.now()]
        for task in due:
            task.run()
        return len(due)

    def _next(self) -> Task | None:
        """The task that is due first, when it is due; None when the work is to end."""
        with self.changed:
            while not self._stopping:
                task = min(self._tasks, key=lambda each: each.due, default=None)
                pause = None if task is None else task.due - self.now()
                if task is not None and pause is not None and pause <= 0:
                    return task
                self.changed.wait(pause)
        return None
