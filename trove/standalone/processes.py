"""Processes that outlive us, found again in /proc by their command line and told apart by their start time."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import resource
import select
import signal
from collections.abc import Iterator, Sequence

PROC = pathlib.Path("/proc")


@dataclasses.dataclass(frozen=True, slots=True)
class Process:
    """A process by its id and start time (clock ticks since boot): a later one under the same id is not meant."""

    pid: int
    started: int

    def alive(self) -> bool:
        """A zombie is dead."""
        status = _status(self.pid)
        return status is not None and status.started == self.started and status.state not in "ZX"

    def wait(self, timeout: float) -> bool:
        """Waits at most ``timeout`` seconds for its end. True when it has ended."""
        if (handle := self._handle()) is None:
            return True
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(timeout * 1000))
        finally:
            os.close(handle)

    def end(self, patience: float) -> None:
        """Asks it to end (SIGTERM), and ends it after ``patience`` seconds (SIGKILL)."""
        self._signal(signal.SIGTERM)
        if not self.wait(patience):
            self._signal(signal.SIGKILL)
            self.wait(patience)

    def _signal(self, number: int) -> None:
        if (handle := self._handle()) is not None:
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return
            finally:
                os.close(handle)

    def _handle(self) -> int | None:
        """A descriptor that stays with this very process, None when it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive():
            return handle
        os.close(handle)
        return None


def leave_no_core() -> None:
    """Neither this process nor what it starts leaves its memory in a file when it dies: keys are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def of(pid: int) -> Process | None:
    status = _status(pid)
    return None if status is None or status.state in "ZX" else Process(pid, status.started)


def with_arguments(words: Sequence[str], uid: int) -> list[Process]:
    """The processes of user ``uid`` whose command line has ``words`` in a row. The owner matters: anyone can write
    anything on a command line of his own."""
    wanted = ("\0" + "\0".join(words) + "\0").encode()
    return [found for pid in _pids() if wanted in _command_line(pid, uid) and (found := of(pid)) is not None]


def descendants(root: Process) -> list[Process]:
    """The children of ``root`` and theirs, now."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (status := _status(pid)) is not None:
            children.setdefault(status.parent, []).append(pid)
    found: list[Process] = []
    ahead = list(children.get(root.pid, ()))
    while ahead:
        pid = ahead.pop()
        ahead += children.get(pid, ())
        if (process := of(pid)) is not None:
            found.append(process)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Status:
    state: str
    parent: int
    started: int


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())


def _status(pid: int) -> _Status | None:
    """Fields 3, 4 and 22 of proc(5) ``stat``; they are counted behind the name, which may hold anything."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Status(state=fields[0], parent=int(fields[1]), started=int(fields[19]))


def _command_line(pid: int, uid: int) -> bytes:
    entry = PROC / str(pid)
    try:
        return b"\0" + (entry / "cmdline").read_bytes() if entry.stat().st_uid == uid else b""
    except (FileNotFoundError, ProcessLookupError):
        return b""
