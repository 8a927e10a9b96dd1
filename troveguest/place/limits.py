"""Memory, processor and process limits of a database server, by whatever control groups the host has."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed

from . import commands

ROOT = Path("/sys/fs/cgroup")
PROCESSES = 16384
"""Threads count as well: a server with a thread a connection needs thousands."""
_PERIOD = 100_000
"""Microseconds over which the processor's share is measured (the kernel's default)."""
_PATIENCE = 5.0
_LOOK_AGAIN = 0.02

V1, V2, SYSTEMD, NONE = "cgroup v1", "cgroup v2", "systemd slice", "none"


@dataclass(frozen=True, slots=True)
class Limits:
    """``kind`` for ``Placed.limits``. The server writes its process id to ``joins``, and starts by ``within``."""

    kind: str
    joins: tuple[Path, ...] = ()
    note: str = ""
    within: tuple[str, ...] = ()


def ensure(instance_id: str, memory_mb: int, vcpus: int, volume: Path) -> Limits:
    """Makes or corrects the groups. Raises HostFailed when a running server does not fit into its new limits.

    ``volume`` is the mount point below which the server has its data.
    """
    if not commands.is_root():
        return Limits(NONE, (), "Memory and processor are not limited: that needs root.")
    values = _values(memory_mb, vcpus)
    try:
        if commands.is_systemd():
            return _ensure_slice(instance_id, memory_mb, vcpus, volume)
        if "memory" in _controllers():
            return _ensure_v2(instance_id, values)
        if (ROOT / "memory" / "memory.limit_in_bytes").exists():
            return _ensure_v1(instance_id, values)
    except OSError as error:
        if members(instance_id):
            raise HostFailed(f"The limits of the running server cannot be changed: {error.filename}: {error.strerror}.",
                             "Give it at least the memory that it uses.") from error
        remove(instance_id)
        return Limits(NONE, (), f"Memory and processor are not limited: {error.filename}: {error.strerror}.")
    return Limits(NONE, (), "Memory and processor are not limited: the kernel has no memory controller.")


def remove(instance_id: str) -> None:
    """Removes the groups, which must be without processes. Raises HostFailed when the kernel keeps one."""
    if commands.is_systemd():
        for action in ("stop", "revert"):
            commands.run(["systemctl", action, _slice(instance_id)])
    for group in _groups(instance_id):
        deadline = time.monotonic() + _PATIENCE
        while not _remove(group):
            if time.monotonic() > deadline:
                raise HostFailed(f"The control group {group} is still in use.", "Look at its cgroup.procs.")
            time.sleep(_LOOK_AGAIN)  # the kernel frees a group a moment after its last process


def members(instance_id: str) -> set[int]:
    """Ids of the processes in the instance's groups."""
    found: set[int] = set()
    for group in _groups(instance_id):
        for file in group.rglob("cgroup.procs"):
            with suppress(FileNotFoundError):
                found.update(int(line) for line in file.read_text().split())
    return found


def read(instance_id: str) -> dict[str, object]:
    """The limits as they are, by the names of their files."""
    return {f"the limit {file.name}": file.read_text() for group in _groups(instance_id)
            for files in _values(0, 0).values() for name, _ in files if (file := group / name).exists()}


def roots() -> tuple[Path, ...]:
    """The files by which a process leaves the groups of whoever started it, so that their end is not its own."""
    places = [ROOT] if (ROOT / "cgroup.procs").exists() else sorted(ROOT.glob("*"))
    return tuple(place / "cgroup.procs" for place in places if (place / "cgroup.procs").exists())


def _values(memory_mb: int, vcpus: int) -> dict[str, tuple[tuple[str, str], ...]]:
    """Per controller, the files of both versions and what they get; a version lacks the other's files."""
    memory, share = str(memory_mb << 20), vcpus * _PERIOD
    return {
        "memory": (("memory.max", memory), ("memory.limit_in_bytes", memory)),
        "cpu": (("cpu.max", f"{share} {_PERIOD}"),
                ("cpu.cfs_period_us", str(_PERIOD)), ("cpu.cfs_quota_us", str(share))),
        "pids": (("pids.max", str(PROCESSES)),),
    }


def _controllers() -> list[str]:
    """Of version 2."""
    with suppress(FileNotFoundError):
        return (ROOT / "cgroup.controllers").read_text().split()
    return []


def _ensure_slice(instance_id: str, memory_mb: int, vcpus: int, volume: Path) -> Limits:
    """systemd's groups are its own: server and jobs get a scope each, which joins a slice that has the limits.

    When the machine goes down, a scope ends before the volume that its server writes to is unmounted.
    """
    name = _slice(instance_id)
    commands.run(["systemctl", "set-property", "--runtime", name, f"MemoryMax={memory_mb << 20}",
                  f"CPUQuota={vcpus * 100}%", f"TasksMax={PROCESSES}"])
    commands.run(["systemctl", "start", name])
    if f"{memory_mb << 20}\n" not in read(instance_id).values():
        raise OSError(errno.EBUSY, "systemd cannot set its memory", name)
    return Limits(SYSTEMD, within=(
        commands.find("systemd-run"), "--scope", "--quiet", "--collect", f"--slice={name}",
        "--property=TasksMax=infinity", f"--property=RequiresMountsFor={volume}", "--"))


def _ensure_v2(instance_id: str, values: dict[str, tuple[tuple[str, str], ...]]) -> Limits:
    wanted = [name for name in values if name in _controllers()]
    (ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
    group = ROOT / _name(instance_id)
    group.mkdir(exist_ok=True)
    for name in wanted:
        _set(group, values[name])
    return Limits(V2, (group / "cgroup.procs",))


def _ensure_v1(instance_id: str, values: dict[str, tuple[tuple[str, str], ...]]) -> Limits:
    joins = []
    for name in values:
        if (ROOT / name).is_dir():
            group = ROOT / name / _name(instance_id)
            group.mkdir(exist_ok=True)
            _set(group, values[name])
            joins.append(group / "cgroup.procs")
    return Limits(V1, tuple(joins))


def _set(group: Path, values: tuple[tuple[str, str], ...]) -> None:
    for file, value in values:
        if (group / file).exists():
            (group / file).write_text(value)


def _name(instance_id: str) -> str:
    return f"trove-{instance_id}"


def _slice(instance_id: str) -> str:
    """A dash in a slice's name would stand for a slice above it (systemd.slice(5)); the one here is trove.slice."""
    return f"trove-{instance_id.replace('-', '_')}.slice"


def _groups(instance_id: str) -> Iterator[Path]:
    for place in (ROOT, *sorted(ROOT.glob("*"))):
        for name in (_name(instance_id), f"trove.slice/{_slice(instance_id)}"):
            if (group := place / name).is_dir():
                yield group


def _remove(group: Path) -> bool:
    try:
        os.rmdir(group)  # noqa: PTH106 (a control group is removed with its files in it)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    return True
