"""A task manager's right to run flows: a row in the store that it renews, and that a peer takes over when it does not.

The holder is a process beyond doubt (boot, process id, start time): one that was killed on this machine is dead at
once, and one that lives here and has gone silent is ended before its flows go on elsewhere. Of another machine's
processes nothing is known, so there time alone counts, and each process watches over its own.
"""

import os
import secrets
import select
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from common.errors import Conflict
from common.openstack import log
from trove.db import executors
from trove.db.store import Store

LOG = log.get(__name__)

DURATION = 30.0
"""Seconds; renewed three times as often."""

MARGIN = 5.0
"""Seconds before the end of its lease from which its holder does not act any more: clocks differ a little."""

CHANCE = 5.0
"""Seconds of being awake that a holder has to renew a lease after it was seen to have run out."""


def clock() -> float:
    """Seconds that go on while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Of one life of the task manager ``name``, a plain word; ``executor`` is the id of that life."""

    def __init__(self, store: Store, name: str) -> None:
        self.executor = f"{name}@{secrets.token_hex(4)}"
        self.acts_until = 0.0  # by ``clock``
        self._name = name
        self._store = store
        self._holder = own_holder()
        self._lapsed: dict[tuple[str, float], float] = {}
        self._watched: set[str] = set()

    def take(self) -> None:
        """Raises Conflict while another process lives on this name."""
        begun = clock()
        with self._store.write() as connection:
            executors.enlist(connection, self._until(time.time() + DURATION))
        with self._store.read() as connection:  # after ours is there: of two that start together, not both miss it
            others = executors.others(connection, self.executor)
        if any(_name(other) == self._name and self._lives(other) for other in others):
            with self._store.write() as connection:
                executors.remove(connection, self.executor)
            raise Conflict(f"A task manager called {self._name} runs already.",
                           "Stop it, or give this one another name.")
        self.acts_until = begun + DURATION - MARGIN

    def renew(self) -> bool:
        """False when a peer has taken over: then this process may not go on."""
        begun = clock()
        with self._store.write() as connection:
            if not executors.renew(connection, self._until(time.time() + DURATION)):
                return False
        self.acts_until = begun + DURATION - MARGIN
        return True

    def let_go(self) -> None:
        """A peer, or the next life, may take over at once."""
        with self._store.write() as connection:
            executors.renew(connection, self._until(0.0))

    def dead(self) -> tuple[executors.Lease, ...]:
        """The leases of those who are dead; to be asked at every renewal.

        A machine that slept finds every lease run out when it wakes, and each holder is to have its chance to renew.
        """
        with self._store.read() as connection:
            others = executors.others(connection, self.executor)
        now, looked_at = time.time(), time.monotonic()
        self._lapsed = {(other.executor, other.until): self._lapsed.get((other.executor, other.until), looked_at)
                        for other in others if other.until <= now}
        return tuple(other for other in others if self._is_dead(other, looked_at))

    def take_over(self, dead: executors.Lease, patience: float) -> bool:
        """Who has it is ended first, where that can be done. False when it lives after all, or a peer was faster.

        The heir has ``patience`` seconds to go on with its flows.
        """
        if dead.until and not _end_here(dead.holder, self._holder):
            return False
        now = time.time()
        with self._store.write() as connection:
            return executors.take_over(connection, dead, self._until(now + DURATION), now + patience)

    def bury(self, dead: executors.Lease) -> None:
        """Its flows go on elsewhere."""
        with self._store.write() as connection:
            executors.remove(connection, dead.executor)

    def watch(self, ended: Callable[[], None]) -> None:
        """Calls ``ended`` when a peer on this machine ends, for every peer that is there now."""
        with self._store.read() as connection:
            holders = {other.holder for other in executors.others(connection, self.executor)}
        for holder in holders - self._watched - {self._holder}:
            if (process := _open_here(holder)) is not None:
                threading.Thread(target=_await_end, args=(process, ended), name="peer-watch", daemon=True).start()
        self._watched = holders

    def _until(self, until: float) -> executors.Lease:
        return executors.Lease(self.executor, self._holder, until)

    def _lives(self, other: executors.Lease) -> bool:
        return other.until > time.time() and other.holder != self._holder and not _is_dead_here(other.holder)

    def _is_dead(self, other: executors.Lease, looked_at: float) -> bool:
        if other.until == 0 or _is_dead_here(other.holder):
            return True
        since = self._lapsed.get((other.executor, other.until))
        return since is not None and (_name(other) == self._name or looked_at - since >= CHANCE)


def own_holder() -> str:
    """Names this process among all processes of all boots."""
    ticks = _start_ticks(os.getpid())
    return f"{_boot()}/{os.getpid()}/{ticks}"


def _name(lease: executors.Lease) -> str:
    return lease.executor.partition("@")[0]


def _is_dead_here(holder: str) -> bool:
    """Whether it was a process of this boot that is gone."""
    boot, pid, ticks = holder.split("/")
    return boot == _boot() and _start_ticks(int(pid)) != ticks


def _open_here(holder: str) -> int | None:
    """A descriptor that stays with this very process; None when it does not live on this machine."""
    boot, pid, _ = holder.split("/")
    if boot != _boot():
        return None
    try:
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return None
    if _is_dead_here(holder):
        os.close(process)
        return None
    return process


def _end_here(holder: str, own: str) -> bool:
    """Ends a process of this machine that stands still: it would go on in the middle of a step when it wakes.

    False when it is not ours to end.
    """
    if holder == own or (process := _open_here(holder)) is None:
        return True
    LOG.warning("A task manager has been silent for longer than its lease; its process is ended.", process=holder)
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
    except PermissionError as error:
        LOG.error("The process of a silent task manager cannot be ended; its flows wait for that.", error)
        os.close(process)
        return False
    _await_end(process, lambda: None)
    return True


def _await_end(process: int, ended: Callable[[], None]) -> None:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.poll()
    os.close(process)
    ended()


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
