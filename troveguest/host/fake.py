"""A host in memory: for tests, and for an engine that has no server behind it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from common.contract.types import Drift, FilesystemStats
from common.errors import HostFailed

from .base import Finished, ProcessId, ServiceState, Signal

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Job:
    """One job that was asked for."""

    argv: tuple[str, ...]
    stdin: bytes


@dataclass
class FakeHost:
    """Has the behaviour of the real one that a caller can see; tests reach in through the fields and ``crash``.

    ``on_start`` runs at each start of the database and may raise; ``on_job`` answers jobs.
    """

    clock: Callable[[], float] = time.time
    on_start: Callable[[], None] = lambda: None
    on_job: Callable[[Job], Finished] = lambda job: Finished(0, "")
    space: FilesystemStats = field(default_factory=lambda: FilesystemStats(total=_GIB, used=0, free=_GIB))
    files: dict[Path, str] = field(default_factory=dict)
    drifted: tuple[Drift, ...] = ()
    jobs: list[Job] = field(default_factory=list)
    starts: int = 0
    stops: int = 0
    command: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._ids = count(1000)
        self._state = ServiceState(False, None, None)

    def set_command(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> bool:
        before = self.command, self.environment
        self.command, self.environment = tuple(argv), dict(environment or {})
        return before != (self.command, self.environment)

    def start_database(self) -> None:
        with self._lock:
            if self.command is None:
                raise HostFailed("The database server has no command to start with.", "Configure the engine first.")
            if self._state.process is not None:
                return
            self.on_start()
            self.starts += 1
            pid = next(self._ids)
            self._state = ServiceState(True, ProcessId(pid, pid, "fake"), self.clock())

    def stop_database(self, timeout: float, first: Signal = "TERM") -> None:
        with self._lock:
            self.stops += self._state.process is not None
            self._state = ServiceState(False, None, None)

    def crash(self) -> None:
        """The server dies without being asked to."""
        with self._lock:
            self._state = ServiceState(self._state.wanted_up, None, None)

    def database(self) -> ServiceState:
        return self._state

    def run_job(self, argv: Sequence[str], timeout: float, stdin: bytes = b"") -> Finished:
        job = Job(tuple(argv), stdin)
        self.jobs.append(job)
        return self.on_job(job)

    def stats(self) -> FilesystemStats:
        return self.space

    def write_for_engine(self, path: Path, text: str) -> bool:
        before, self.files[path] = self.files.get(path), text
        return before != text

    def drift(self) -> tuple[Drift, ...]:
        return self.drifted
