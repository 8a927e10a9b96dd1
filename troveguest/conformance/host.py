"""A Host without a supervisor: the database is a child of the test, as an unprivileged user when we are root."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from common.contract.types import Drift, FilesystemStats
from common.errors import DeadlinePassed, HostFailed

from ..host import processes
from ..host.base import Finished, ServiceState, Signal

UNPRIVILEGED = 65534


def _as_engine() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


class DirectHost:
    """``kill_job_after`` (seconds) ends the next job and all its processes with SIGKILL, as a power cut would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "log" / "server"
        self.starts = 0
        self.kill_job_after: float | None = None
        self._command: tuple[str, ...] = ()
        self._environment: dict[str, str] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._state = ServiceState(False, None, None)

    def give_to_engine(self, directory: Path) -> None:
        if os.geteuid() == 0:
            os.chown(directory, UNPRIVILEGED, UNPRIVILEGED)

    def set_command(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> bool:
        before = self._command, self._environment
        self._command, self._environment = tuple(argv), dict(environment or {})
        return before != (self._command, self._environment)

    @property
    def command(self) -> tuple[str, ...]:
        """The server's, empty before one was set."""
        return self._command

    def start_database(self) -> None:
        if self._alive():
            return
        if not self._command:
            raise HostFailed("There is no command.")
        self.starts += 1
        with self.log.open("ab") as log:
            self._server = self._popen(self._command, self._environment, stdout=log)
        process = processes.identify(self._server.pid)
        self._state = ServiceState(True, process, time.time())

    def stop_database(self, timeout: float, first: Signal = "TERM") -> None:
        if self._server is not None:
            self._server.send_signal(signal.Signals[f"SIG{first}"])
            try:
                self._server.wait(timeout)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        self._state = ServiceState(False, None, None)

    def signal(self, number: int) -> None:
        """To the server itself; after SIGKILL it is waited for."""
        assert self._server is not None
        self._server.send_signal(number)
        if number == signal.SIGKILL:
            self._server.wait()

    def database(self) -> ServiceState:
        if self._alive():
            return self._state
        return ServiceState(self._state.wanted_up, None, None)

    def run_job(self, argv: Sequence[str], timeout: float, stdin: bytes = b"") -> Finished:
        job = self._popen(tuple(argv), {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        limit, self.kill_job_after = self.kill_job_after, None
        try:
            output, _ = job.communicate(stdin, timeout if limit is None else limit)
        except subprocess.TimeoutExpired:
            _kill_group(job.pid)
            output, _ = job.communicate()
            if limit is None:
                raise DeadlinePassed("The job took too long.") from None
        return Finished(job.returncode, output.decode(errors="replace")[-65536:])

    def stats(self) -> FilesystemStats:
        found = os.statvfs(self.home)
        total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        return FilesystemStats(total=total, used=total - free, free=free)

    def write_for_engine(self, path: Path, text: str) -> bool:
        if path.exists() and path.read_text() == text:
            return False
        aside = path.with_suffix(".new")
        aside.write_text(text)
        aside.chmod(0o644)
        aside.rename(path)
        return True

    def drift(self) -> tuple[Drift, ...]:
        return ()

    def close(self) -> None:
        if self._server is not None:
            with suppress(ProcessLookupError):
                self._server.send_signal(signal.SIGCONT)  # a test may have frozen it
        self.stop_database(20)

    def _alive(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def _popen(self, argv: tuple[str, ...], environment: dict[str, str], **pipes: Any) -> "subprocess.Popen[bytes]":
        output = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **pipes}
        path = os.environ.get("PATH", os.defpath)
        return subprocess.Popen(argv, env={"PATH": path, **environment}, cwd="/", umask=0o027,
                                stderr=subprocess.STDOUT, start_new_session=True, **output, **_as_engine())


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
