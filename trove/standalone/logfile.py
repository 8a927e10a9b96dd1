"""The control plane's log file, which does not grow for ever.

``trovectl up`` makes it the process's standard output and error, so that nothing is lost that anybody writes: our own
lines, a library's, the interpreter's last words. So it is those two that move on to a new file when one is full.
"""

import logging
import os
from pathlib import Path

_STANDARD = (1, 2)


class Rotation(logging.Handler):
    """Looks at the file behind each line. Keeps ``kept`` full ones beside it, ``trove.log.1`` the newest.

    ``most`` in bytes; a file may be longer by one line. Does nothing while standard error is another file than
    ``path``, such as a terminal.
    """

    def __init__(self, path: Path, most: int, kept: int, standard: tuple[int, ...] = _STANDARD) -> None:
        super().__init__()
        self._path = path
        self._most = most
        self._kept = kept
        self._standard = standard

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._is_full():
                self._rotate()
        except OSError:
            self.handleError(record)

    def _is_full(self) -> bool:
        written = os.fstat(self._standard[-1])
        return written.st_size >= self._most and self._path.exists() and os.path.samestat(written, self._path.stat())

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        new = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for descriptor in self._standard:
            os.dup2(new, descriptor)
        os.close(new)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
