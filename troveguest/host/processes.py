"""Processes told apart by id, start time and boot, so that a reused id is never taken for an old process."""

import errno
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from signal import pidfd_send_signal

from .base import ProcessId

_STATE, _PARENT, _TERMINAL, _START = 0, 1, 4, 19
"""Places in /proc/<pid>/stat behind the command's closing parenthesis (proc(5): fields 3, 4, 7 and 22)."""


@cache
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> ProcessId | None:
    """The process that has this id now; None when there is none, or only a zombie."""
    fields = _stat(pid)
    if not fields or fields[_STATE] in "ZX":
        return None
    return ProcessId(pid, int(fields[_START]), boot_id())


def parent(pid: int) -> int | None:
    """The id of the process above ``pid``, None when ``pid`` is gone."""
    fields = _stat(pid)
    return int(fields[_PARENT]) if fields else None


def terminal(pid: int) -> int:
    """The number of the process's controlling terminal, 0 when it has none or is gone."""
    fields = _stat(pid)
    return int(fields[_TERMINAL]) if fields else 0


def owner(pid: int) -> int | None:
    """The user id of the process, None when ``pid`` is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}").stat().st_uid
    return None


def command_line(pid: int) -> list[str]:
    """The words of the command; empty for a zombie, a kernel thread, and one that is gone."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(process: ProcessId) -> bool:
    return process.boot == boot_id() and identify(process.pid) == process


def started_at(process: ProcessId) -> float:
    """When the process began, in seconds since 1970 by today's clock."""
    since_boot = process.start_ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def all_ids() -> list[int]:
    """The ids of all processes that are visible to us, zombies among them."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def wait_end(process: ProcessId, timeout: float) -> bool:
    """Whether the process ended within ``timeout`` seconds. Needs no right over the process."""
    with _opened(process) as descriptor:
        if descriptor is None:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout) * 1000))


def send(process: ProcessId, signal: int) -> None:
    """Sends a signal to this very process; nothing to do when it is gone. Raises PermissionError."""
    with _opened(process) as descriptor:
        if descriptor is not None:
            with suppress(ProcessLookupError):  # it went before the signal came
                pidfd_send_signal(descriptor, signal)


@contextmanager
def _opened(process: ProcessId) -> Iterator[int | None]:
    """A descriptor that stays this process's own; None when it is dead."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError as error:
        # EINVAL: older kernels say so of an id that is only left as that of a group or a session
        if error.errno not in (errno.ESRCH, errno.EINVAL):
            raise
        yield None
        return
    try:
        yield descriptor if is_alive(process) else None
    finally:
        os.close(descriptor)


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2:].split()
