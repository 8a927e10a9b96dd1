"""A server's own log, as far as an error message wants it."""

import re
import time
from pathlib import Path

from ..host import files

_LINES, _CHARACTERS, _BYTES = 5, 1000, 32 * 1024
_PATIENCE, _LOOK_AGAIN = 1.0, 0.02
"""Seconds; whoever keeps the log writes a line a moment after it was said, and announces that to nobody."""


class ServerLog:
    """``errors`` is found in a line that tells of an error."""

    def __init__(self, path: Path, errors: str) -> None:
        self.path = path
        self._errors = re.compile(errors)
        self._begin = 0

    def mark(self) -> None:
        """From here on: what was said before is no longer of interest."""
        self._begin = self._size()

    def last_errors(self) -> str:
        """``since_mark`` of a server that has ended: waits for a moment until an error is in it."""
        until = time.monotonic() + _PATIENCE
        while not self._errors.search(said := self.since_mark()) and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN)
        return said

    def since_mark(self) -> str:
        """At most the last 32 KiB of it; of a log that was begun anew since, what is in the new one."""
        size = self._size()
        new = size - self._begin if size >= self._begin else size
        return files.tail(self.path, min(new, _BYTES)) if new > 0 else ""

    def last_words(self, said: str) -> str:
        """A sentence of bounded length with the last errors of a log, or its last lines if it has no errors."""
        lines = said.splitlines()
        errors = [line for line in lines if self._errors.search(line)]
        words = " | ".join((errors or lines)[-_LINES:])
        return f"It said last: {words[-_CHARACTERS:]}" if words else ""

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0
