"""Waiting in tests: for a fact outside this process that announces itself by no event that we could await."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T | None], timeout: float, what: str, every: float = 0.1) -> T:
    """Looks until the answer is truthy and returns it; fails with ``what`` was expected after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
        pause.wait(every)
    return found
