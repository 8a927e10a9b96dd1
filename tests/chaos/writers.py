"""A client that writes to a database all the time, over one connection, and counts what failed."""

import subprocess
import tempfile
import threading
from types import TracebackType
from typing import Any

from tests.installation import address, port

PAUSE = 0.02
"""Seconds between two statements."""


class Writer:
    """Of the user anna, who has the database shop; a context manager. ``written`` and ``failed`` grow meanwhile."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.written = 0
        self.failed: list[str] = []
        self._options = tempfile.NamedTemporaryFile("w", suffix=".cnf")  # noqa: SIM115 (closed at the end of the writing)
        self._options.write('[client]\nuser="anna"\npassword="secret-anna"\n')
        self._options.flush()
        self._client = subprocess.Popen(
            ["mariadb", f"--defaults-file={self._options.name}", "--skip-reconnect", "--batch", "--unbuffered",
             "--skip-column-names", f"--host={address(shown)}", f"--port={port(shown)}", "shop"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._ask("DROP TABLE IF EXISTS written; CREATE TABLE written (n INT PRIMARY KEY); SELECT -1;", "-1")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(30)
        counted = f"SELECT COUNT(*) FROM written; SELECT {self.written};"
        self._ask(counted, str(self.written), str(self.written))
        self._client.communicate(timeout=30)
        self._options.close()

    def _write(self) -> None:
        while not self._stopping.wait(PAUSE) and not self.failed:
            if self._ask(f"INSERT INTO written VALUES ({self.written}); SELECT {self.written};", str(self.written)):
                self.written += 1

    def _ask(self, statement: str, *answers: str) -> bool:
        assert self._client.stdin is not None and self._client.stdout is not None
        try:
            self._client.stdin.write(f"{statement}\n")
            said = [self._client.stdout.readline().strip() for _ in answers]
        except OSError as error:
            said = [str(error)]
        if said != [*answers]:
            self.failed.append(f"{statement}: {said}")
        return said == [*answers]
