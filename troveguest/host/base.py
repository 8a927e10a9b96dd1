"""The machine beneath an engine, as the agent may use it. ``runit.py`` is the real one, ``fake.py`` that for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from common.contract.types import Drift, FilesystemStats

Signal = Literal["TERM", "INT"]
"""By which a server is asked to end."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process beyond doubt: its id, its start time in clock ticks since boot, and the boot's id. A zombie is dead."""

    pid: int
    start_ticks: int
    boot: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A supervised service. ``process`` is None while it is down; ``started_at`` in seconds since 1970."""

    wanted_up: bool
    process: ProcessId | None
    started_at: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job: exit code (negative: killed by that signal) and its output's last 64 KiB."""

    exit_code: int
    output: str


class Host(Protocol):
    """The database runs as a service beside the agent, never below it: the agent's end does not touch it.

    Both services run as the engine's user, not the agent's, from commands that the agent writes.
    """

    def set_command(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> bool:
        """What the supervisor runs as the database server from its next start on; whether it was something else."""

    def start_database(self) -> None:
        """Asks the supervisor to start the server and to keep no further watch: restarts are the loop's decision."""

    def stop_database(self, timeout: float, first: Signal = "TERM") -> None:
        """``first``, then SIGKILL when ``timeout`` seconds have passed; returns when the process is gone."""

    def database(self) -> ServiceState:
        """What the supervisor says of the server now."""

    def run_job(self, argv: Sequence[str], timeout: float, stdin: bytes = b"") -> Finished:
        """Runs one command as the engine's user under the supervisor, and waits. It survives the agent: asked again
        with the same argv and input, a running job is waited for and not started twice, and an end that nobody has
        seen yet is returned. Raises DeadlinePassed when it was stopped after ``timeout`` seconds, and Busy when another
        job was in the way for so long."""

    def stats(self) -> FilesystemStats:
        """Space on the data volume."""

    def write_for_engine(self, path: Path, text: str) -> bool:
        """Writes a file atomically that the engine's user can read and not change; whether it was not so before."""

    def drift(self) -> tuple[Drift, ...]:
        """What is no longer as it was placed, and only whoever placed it can put right."""
