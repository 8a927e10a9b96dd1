"""Requests that call guests: only so many at a time, so that threads are left for those that need no guest. Of one
project only a part of them, and of one guest a part of these: who is silent does not keep others from being asked."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from . import errors
from .guests import Guests


def most(threads: int) -> int:
    """Requests that may call guests, of ``threads`` in all. Half of these wait for events at most
    (``trove.api.waits``): from three threads on one at least is left, from thirty on three."""
    return max(1, threads * 2 // 5)


class Calls:
    """``most``: requests that call at the same time, half of them (rounded up) of one project, three quarters of these
    (rounded up) one guest. Beyond it nobody waits. ``refused`` counts those by what was taken up: guest, project, all.

    A project is who asks, whosever instance it is.
    """

    def __init__(self, guests: Guests, most: int) -> None:
        self._guests = guests
        self._most = most
        self._of_project = -(-most // 2)
        self._to_guest = self._of_project - self._of_project // 4
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.refused: Counter[str] = Counter()

    def to(self, instance_id: str, project: str) -> Any:
        """A ``Guest``, each of whose calls has a place while it is under way; it raises Crowded besides."""
        return _Counted(self, self._guests.of(instance_id), instance_id, project)

    def during(self, request: ExitStack, instance_id: str, project: str) -> Any:
        """A ``Guest``, and a place until the request ends: none of several calls is refused when another was made.

        Raises Crowded."""
        request.enter_context(self.place(instance_id, project))
        return self._guests.of(instance_id)

    @contextmanager
    def place(self, instance_id: str, project: str) -> Iterator[None]:
        """Raises Crowded."""
        key = project, instance_id
        with self._lock:
            self._check(project, instance_id)
            self._under_way[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[key] -= 1
                self._under_way += Counter()  # keeps what is above zero

    def _check(self, project: str, instance_id: str) -> None:
        """Raises Crowded. Whose the other calls are, nobody is told."""
        if self._count(lambda _, guest: guest == instance_id) >= self._to_guest:
            self.refused["guest"] += 1
            raise errors.Crowded(
                f"As many requests as may ({self._to_guest}) wait for the agent of instance {instance_id} already.",
                "Try again in a moment; if the agent does not answer, look at its log.")
        if self._count(lambda who, _: who == project) >= self._of_project:
            self.refused["project"] += 1
            raise errors.Crowded(
                f"As many requests of this project as may ({self._of_project}) wait for agents already.",
                "Try again in a moment; if an agent does not answer, look at its log.")
        if self._under_way.total() >= self._most:
            self.refused["all"] += 1
            raise errors.Crowded(f"As many requests as may ({self._most}) wait for agents already.",
                                 "Try again in a moment.")

    def _count(self, counted: Callable[[str, str], bool]) -> int:
        return sum(number for key, number in self._under_way.items() if counted(*key))


class _Counted:
    """A guest whose calls have a place each while they are under way."""

    def __init__(self, calls: Calls, guest: Any, instance_id: str, project: str) -> None:
        self._calls = calls
        self._guest = guest
        self._whose = instance_id, project

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._guest, name)

        def call(**arguments: Any) -> Any:
            with self._calls.place(*self._whose):
                return method(**arguments)

        return call
