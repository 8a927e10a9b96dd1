"""The real host: services of a private ``runsvdir``, steered through pipes that the agent may write to."""

import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from common.contract.types import Drift, FilesystemStats
from common.errors import Busy, HostFailed, Invalid

from . import files, processes
from .base import Finished, ProcessId, ServiceState, Signal
from .jobs import Jobs
from .layout import DATA_MODE, DATABASE, Layout
from .record import IMAGE, Record
from .supervision import Supervised

_NOTE = 128
_LETTERS: dict[Signal, bytes] = {"TERM": b"d", "INT": b"i"}
"""Of runsv(8). A server that was started once stays down after either."""
_SUPERVISOR = 5.0
"""Seconds that runsv may take for an order; it holds a service back for one second after a short life."""
_REMEDY = "Place the instance again; the control plane does that by itself within minutes."


class RunitHost:
    """The host below one instance's home. Raises HostFailed where the supervisor is not there."""

    def __init__(self, home: Path) -> None:
        self._layout = Layout(home)
        self._service = Supervised(self._layout.supervise(DATABASE))
        self._jobs = Jobs(self._layout)
        self._database_lock = threading.Lock()
        self._jobs_lock = threading.Lock()

    def set_command(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> bool:
        if not argv:
            raise Invalid("A command needs a program.")
        command = {"argv": list(argv), "environment": environment or {}}
        return self._write(self._layout.command, msgspec.json.encode(command))

    def start_database(self) -> None:
        with self._database_lock:
            if not self._layout.command.exists():
                raise HostFailed("The database server has no command to start with.", "Configure the engine first.")
            files.write_if_changed(self._layout.wanted, "up\n", mode=0o600)
            if self._process() is None:
                self._service.start_once(_SUPERVISOR)

    def stop_database(self, timeout: float, first: Signal = "TERM") -> None:
        with self._database_lock:
            self._layout.wanted.unlink(missing_ok=True)
            process = self._process()
            if process is not None:
                self._end(process, timeout, first)
                self._service.await_down(_SUPERVISOR)

    def _end(self, process: ProcessId, timeout: float, first: Signal) -> None:
        self._signal(process, _LETTERS[first], first)
        if processes.wait_end(process, timeout):
            return
        self._signal(process, b"k", "KILL")
        if not processes.wait_end(process, _SUPERVISOR):
            raise HostFailed(f"The database server, process {process.pid}, outlives SIGKILL.",
                             "It waits for the disk: look at the kernel's log.")

    def _signal(self, process: ProcessId, letter: bytes, name: str) -> None:
        """Through the supervisor, or, where that was killed and knows the server no more, by a job of the same user."""
        if self._service.process() == process:
            self._service.tell(letter)
        else:
            self.run_job(["/bin/sh", "-c", f"kill -{name} {process.pid}"], _SUPERVISOR)

    def _process(self) -> ProcessId | None:
        """The server's process, also when a runsv that was killed left it behind."""
        if (process := self._service.process()) is not None:
            return process
        note = (files.read(self._layout.database_process, _NOTE) or b"").split()
        if len(note) != 3 or not (note[0].isdigit() and note[1].isdigit()):
            return None
        process = ProcessId(int(note[0]), int(note[1]), note[2].decode(errors="replace"))
        return process if processes.is_alive(process) else None

    def database(self) -> ServiceState:
        process, status = self._process(), self._service.status()
        since = None
        if process is not None:
            known = status is not None and status.pid == process.pid
            since = status.since if status is not None and known else processes.started_at(process)
        return ServiceState(self._layout.wanted.exists(), process, since)

    def run_job(self, argv: Sequence[str], timeout: float, stdin: bytes = b"") -> Finished:
        if not self._jobs_lock.acquire(timeout=timeout):
            raise Busy("Another job of this agent is under way.", "Try again later.")
        try:
            return self._jobs.run(tuple(argv), timeout, stdin)
        finally:
            self._jobs_lock.release()

    def stats(self) -> FilesystemStats:
        """Of the volume's own file system; where the volume is a directory, of what the agent can see in it."""
        space = os.statvfs(self._layout.volume)
        free = space.f_bavail * space.f_frsize
        size = Record.read(self._layout.record).directory_bytes()
        if size is None:
            total = space.f_blocks * space.f_frsize
            return FilesystemStats(total=total, used=total - space.f_bfree * space.f_frsize, free=free)
        used = _size_of_tree(self._layout.volume)
        return FilesystemStats(total=size, used=used, free=max(0, min(size - used, free)))

    def write_for_engine(self, path: Path, text: str) -> bool:
        return self._write(path, text)

    def drift(self) -> tuple[Drift, ...]:
        layout = self._layout
        if Record.read(layout.record).volume == IMAGE and not layout.volume.is_mount():
            return (Drift(sentence=f"The volume is not mounted at {layout.volume}. {_REMEDY}"),)
        data, engine = layout.data.stat(), layout.run.stat()
        if (data.st_uid, stat.S_IMODE(data.st_mode)) != (engine.st_uid, DATA_MODE):
            return (Drift(sentence=f"{layout.data} has another owner or mode than it was given. {_REMEDY}"),)
        return ()

    def _write(self, path: Path, content: str | bytes) -> bool:
        """The directory gives its files to the engine's group."""
        return files.write_if_changed(path, content, mode=0o640, owner=(os.geteuid(), path.parent.stat().st_gid))


def _size_of_tree(top: Path) -> int:
    """Bytes on disk of all files below ``top``, in so far as they may be looked at."""
    return sum(_size_of(name, directory) for _, _, names, directory in os.fwalk(top) for name in names)


def _size_of(name: str, directory: int) -> int:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:  # removed since it was listed
        return 0
