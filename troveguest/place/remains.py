"""The processes of an instance, found whatever became of their parents, and their end."""

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from common.errors import HostFailed

from ..host import processes
from ..host.base import ProcessId
from . import commands, limits, users

_PATIENCE = 20.0
_SUPERVISORS = ("runsvdir", "runsv")


def end_all(instance_id: str, home: Path) -> None:
    """Kills every process of the instance, supervisors first. Raises HostFailed for one that outlives that."""
    deadline = time.monotonic() + _PATIENCE
    accounts = users.ids(instance_id)
    found: list[ProcessId] | None = None
    while found is None or found:
        found = find(instance_id, home)
        for process in sorted(found, key=_is_supervised):
            processes.send(process, signal.SIGKILL)
        _kill_accounts(accounts)
        for process in found:
            if not processes.wait_end(process, deadline - time.monotonic()):
                raise HostFailed(f"Process {process.pid} of the instance outlives SIGKILL.",
                                 "It waits for a disk: look at the kernel's log.")
    if accounts and commands.is_root():
        _free_memory(accounts)


def _free_memory(accounts: tuple[int, ...]) -> None:
    """Shared memory of System V outlives its makers; PostgreSQL has a piece, by which it knows itself running."""
    table = Path("/proc/sysvipc/shm")
    rows = [line.split() for line in table.read_text().splitlines()[1:]] if table.exists() else []
    for row in rows:
        if int(row[7]) in accounts:
            commands.run(["ipcrm", "--shmem-id", row[1]])


def _kill_accounts(accounts: tuple[int, ...]) -> None:
    """All of their processes in one call: from a list, one that goes on forking would escape.

    We keep root as our saved id alone, so that the call reaches nobody else and the engine's user cannot reach us.
    """
    if accounts and commands.is_root():
        os.setresuid(accounts[-1], accounts[0], 0)
        try:
            with suppress(ProcessLookupError):  # there are none
                os.kill(-1, signal.SIGKILL)
        finally:
            os.setresuid(0, 0, 0)


def find(instance_id: str, home: Path) -> list[ProcessId]:
    """By account, control group, mark in the environment, or working directory; never ourselves or those above us."""
    spared = set(_ancestors(os.getpid()))
    accounts = users.ids(instance_id)
    members = limits.members(instance_id)
    found = []
    for pid in processes.all_ids():
        if pid not in spared and (pid in members or _belongs(pid, home, accounts)):
            process = processes.identify(pid)
            found += [process] if process is not None else []
    return found


def _belongs(pid: int, home: Path, accounts: tuple[int, ...]) -> bool:
    try:
        if processes.owner(pid) in accounts:
            return True
        if b"TROVE_HOME=" + os.fsencode(home) in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return True
        return _is_daemon(pid) and Path(f"/proc/{pid}/cwd").readlink().is_relative_to(home)
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it ended, or is another user's and so not ours
        return False
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False  # somebody went deeper than a path can say; nobody else's removal is to fail of that


def _is_daemon(pid: int) -> bool:
    """Without a terminal: the shell of somebody who looks around in the directory is not the instance's."""
    return processes.terminal(pid) == 0


def _is_supervised(process: ProcessId) -> bool:
    words = processes.command_line(process.pid)
    return bool(words) and Path(words[0]).name not in _SUPERVISORS


def _ancestors(pid: int | None) -> list[int]:
    line = []
    while pid:
        line.append(pid)
        pid = processes.parent(pid)
    return line
