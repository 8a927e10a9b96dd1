"""Looks at machines, so many at a time."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

AT_ONCE = 8


class Looks:
    """Calls ``look`` with names on threads of its own: one that hangs holds up neither the others nor, as nobody waits
    for these threads, the end of this process."""

    def __init__(self, look: Callable[[str], None]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[None]] = {}
        self._waiting: deque[str] = deque()
        self._threads = 0

    def at(self, name: str) -> Future[None]:
        """The look that has not ended yet, or a new one; it raises what the look raises."""
        with self._lock:
            if name in self._under_way:
                return self._under_way[name]
            found = self._under_way[name] = Future()
            self._waiting.append(name)
            if self._threads < AT_ONCE:
                self._threads += 1
                threading.Thread(target=self._work, name="host-look", daemon=True).start()
        return found

    def _work(self) -> None:
        while (name := self._next()) is not None:
            error = self._error_of(name)
            with self._lock:
                ended = self._under_way.pop(name)
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

    def _next(self) -> str | None:
        """None: there is nothing to do, and this thread ends."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None

    def _error_of(self, name: str) -> Exception | None:
        try:
            self._look(name)
        except Exception as error:  # noqa: BLE001 (it is raised where somebody waits for the look)
            return error
        return None
