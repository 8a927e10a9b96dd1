"""Numbers that runs of tests claim for the networks they make, so that runs at the same time do not meet.

What a killed run left (namespaces, bridge, processes, groups, files) is swept when the next one claims a number: the
lock on a claim ends with the process that held it.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.awaiting import until

REGISTER = Path("/run/trove-test-hosts")
PREFIX = "trh"
LET_GO = "grep ^/dev/loop /proc/mounts | while read -r _ at _; do umount -l $at; done\n"
"""For a shell with mounts of its own: it got copies of the mounts of all volumes on this machine, which would not let
go of their devices as long as it lives."""
CGROUPS = Path("/sys/fs/cgroup")
_NUMBERS = range(1, 255)


@dataclass(frozen=True)
class Claim:
    """``number`` is ours until this process ends; ``directory`` is for what belongs to it."""

    number: int
    directory: Path

    @property
    def name(self) -> str:
        """What the names of bridge, namespaces and groups begin with."""
        return f"{PREFIX}{self.number}"

    @property
    def subnet(self) -> str:
        """The first three parts of the addresses."""
        return f"10.77.{self.number}"


@contextmanager
def claim() -> Iterator[Claim]:
    """A number of our own; everything under its name is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="trove-hosts-"))
    directory.chmod(0o711)
    file, made = _claim(directory)
    try:
        yield made
    finally:
        _clear(made)
        file.unlink()


def _claim(directory: Path) -> tuple["_Locked", Claim]:
    REGISTER.mkdir(exist_ok=True)
    with (REGISTER / "register").open("w") as register:
        fcntl.flock(register, fcntl.LOCK_EX)
        _sweep()
        taken = _routed()
        for number in _NUMBERS:
            made = Claim(number, directory)
            file = REGISTER / str(number)
            if not file.exists() and not any(route.startswith(f"{made.subnet}.") for route in taken):
                return _Locked(file, json.dumps({"directory": str(directory)})), made
    raise AssertionError(f"every number is claimed; look into {REGISTER}")


class _Locked:
    """A file that is locked as long as this process lives; no child inherits it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._open = path.open("w")
        fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._open.write(text)
        self._open.flush()

    def unlink(self) -> None:
        self._path.unlink()
        self._open.close()


def _sweep() -> None:
    """Clears what belongs to claims that nobody holds any more."""
    for file in REGISTER.iterdir():
        if not file.name.isdigit():
            continue
        with file.open() as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # whoever claimed it lives
            with suppress(json.JSONDecodeError):  # it was killed before it wrote: then it had made nothing
                _clear(Claim(int(file.name), Path(json.loads(opened.read())["directory"])))
            file.unlink()


def _clear(claimed: Claim) -> None:
    spaces = [space for space in namespaces() if space.startswith(f"{claimed.name}-")]
    for space in spaces:
        end_processes(space)
        ip("netns", "delete", space)
    for group in CGROUPS.glob(f"*/{claimed.name}-*"):
        remove_group(group)
    for link in _links():
        if link == claimed.name or link.startswith(f"{claimed.name}."):
            subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)  # went with its peer
    if claimed.directory.exists():
        shutil.rmtree(claimed.directory)


def namespaces() -> list[str]:
    return [entry.name for entry in Path("/run/netns").glob(f"{PREFIX}*")]


def end_processes(space: str) -> None:
    """Kills what runs in a network namespace, again and again until nothing is left."""
    def none_is_left() -> bool:
        pids = [int(word) for word in ip("netns", "pids", space).split()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    until(none_is_left, 30, f"nothing runs in the namespace {space}")


def remove_group(group: Path) -> None:
    """Removes a control group and those beneath it once the kernel knows that their processes are dead."""
    for top, _, _ in os.walk(group, topdown=False):
        until(lambda top=top: _removed(Path(top)), 15, f"the control group {top} is empty")


def _removed(group: Path) -> bool:
    with suppress(FileNotFoundError):
        try:
            group.rmdir()
        except OSError:
            return False
    return True


def _routed() -> list[str]:
    return [str(route["dst"]) for route in json.loads(ip("-json", "route", "show", "table", "all") or "[]")]


def _links() -> list[str]:
    return [str(link["ifname"]) for link in json.loads(ip("-json", "link", "show") or "[]")]


def ip(*arguments: str) -> Any:
    """What ``ip`` prints; fails with its words."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout
