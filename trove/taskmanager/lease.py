"""A task manager's right to its name: at most one process runs flows under an executor's id.

The holder is a process beyond doubt (boot, process id, start time), so that the next start on the same machine need not
wait for the lease of a process that was killed.
"""

import os
import time
from pathlib import Path

from common.errors import Conflict
from trove.db import executors
from trove.db.store import Store

DURATION = 30.0
"""Seconds; renewed three times as often."""


def own_holder() -> str:
    """Names this process among all processes of all boots."""
    ticks = _start_ticks(os.getpid())
    return f"{_boot()}/{os.getpid()}/{ticks}"


def take(store: Store, executor: str) -> str:
    """Takes the lease and says under which holder. Raises Conflict while another process lives on it."""
    mine = own_holder()
    now = time.time()
    with store.write() as connection:
        holder = executors.holder(connection, executor, now)
        if holder not in (None, mine) and not _is_dead_here(holder):
            raise Conflict(f"A task manager called {executor} runs already.",
                           "Stop it, or give this one an executor id of its own.")
        executors.take(connection, executor, mine, now + DURATION)
    return mine


def renew(store: Store, executor: str, holder: str) -> bool:
    """False when a peer has taken over: then this process may not go on."""
    with store.write() as connection:
        return executors.renew(connection, executor, holder, time.time() + DURATION)


def let_go(store: Store, executor: str, holder: str) -> None:
    with store.write() as connection:
        executors.let_go(connection, executor, holder)


def _is_dead_here(holder: str) -> bool:
    """Whether it was a process of this boot that is gone. Of another machine's processes nothing is known."""
    boot, pid, ticks = holder.split("/")
    return boot == _boot() and _start_ticks(int(pid)) != ticks


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> str | None:
    """Field 22 of /proc/<pid>/stat; None for a process that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
