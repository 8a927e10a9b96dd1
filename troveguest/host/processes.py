"""Processes told apart by id, start time and boot, so that a reused id is never taken for an old process."""

import os
import select
from contextlib import suppress
from functools import cache
from pathlib import Path
from signal import pidfd_send_signal

from .base import ProcessId

_STATE, _PARENT, _START = 0, 1, 19
"""Places in /proc/<pid>/stat behind the command's closing parenthesis (proc(5): fields 3, 4 and 22)."""


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


def is_alive(process: ProcessId) -> bool:
    return process.boot == boot_id() and identify(process.pid) == process


def all_ids() -> list[int]:
    """The ids of all processes that are visible to us, zombies among them."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def wait_end(process: ProcessId, timeout: float) -> bool:
    """Whether the process ended within ``timeout`` seconds. Needs no right over the process."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not is_alive(process):
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout) * 1000))
    finally:
        os.close(descriptor)


def send(process: ProcessId, signal: int) -> None:
    """Sends a signal to this very process; nothing to do when it is gone. Raises PermissionError."""
    with suppress(ProcessLookupError):  # gone before or meanwhile is what the caller wants or can bear
        descriptor = os.pidfd_open(process.pid)
        try:
            if is_alive(process):
                pidfd_send_signal(descriptor, signal)
        finally:
            os.close(descriptor)


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2:].split()
