"""The server's own log, as far as an error message wants it."""

from pathlib import Path

from ...host import files

_LINES, _CHARACTERS, _BYTES = 5, 1000, 16 * 1024


class ServerLog:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = 0

    def mark(self) -> None:
        """From here on: what was said before is no longer of interest."""
        self._begin = self._size()

    def last_words(self, said: str = "") -> str:
        """Why it ended: the log's last errors since the mark, else its last lines, else those of ``said``. Bounded."""
        new = max(0, self._size() - self._begin)
        lines = (files.tail(self._path, min(new, _BYTES)) if new else said[-_BYTES:]).splitlines()
        errors = [line for line in lines if "[ERROR]" in line]
        words = " | ".join((errors or lines)[-_LINES:])
        return f"It said last: {words[-_CHARACTERS:]}" if words else ""

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0
