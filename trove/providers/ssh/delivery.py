"""A release of the agent to a host: rsync to the login's home, and from there, as root, to where instances run from it.

What rsync brought stays there, so that the next release moves only what differs. The root's part copies it aside and
looks at every file before it gets the name of its hash: whatever is cut short, nothing half is ever run.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common import releases
from common.errors import Invalid, NotFound
from common.openstack import log
from trove.releases import installing, machine, pruning, receiving

from ..running import Ended, Way
from . import programs
from .transport import Login, Transport

LOG = log.get(__name__)

STAGING = ".cache/troveguest/staging"
PATIENCE = 600.0

_OPTIONS = ("--recursive", "--perms", "--chmod=D755,F644", "--checksum", "--compress", "--delete", "--delete-excluded",
            "--exclude=__pycache__", f"--exclude=/{releases.COMPILED}", "--mkpath", "--stats", "--no-human-readable")
_FIGURES = {"sent": "Total bytes sent", "received": "Total bytes received", "size": "Total file size",
            "files": "Number of regular files transferred"}


@dataclass(frozen=True, slots=True)
class Moved:
    """What rsync says of itself: bytes over the wire both ways, the size of the release, and how many files went."""

    sent: int
    received: int
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """``path`` on the host; ``moved`` None where it was there already."""

    path: str
    moved: Moved | None


class Delivery:
    """From ``releases``, where this machine has them under their hashes. ``sender`` keeps apart who sends."""

    def __init__(self, transport: Transport, releases: Path, sender: str, locks: Path, root: str = "/") -> None:
        """``root`` is the file system of a host."""
        self.transport = transport
        self.releases = releases
        self._staging = f"{STAGING}/{sender}"
        self._locks = locks
        self.root = root

    def deliver(self, login: Login, release: str) -> Delivered:
        """It is on the host, verified and byte-compiled. May be asked for by many at once, and again after a cut.

        Raises NotFound for a hash that is not here, Invalid where what arrives has another one; what ``Transport``
        raises.
        """
        way = AsRoot(self.transport, login)
        there = _ask(way, "look", {"root": self.root, "release": release}, str | None)
        if there is not None:
            return Delivered(there, None)
        source = self._source(release)
        with self._turn(login):
            moved = self._send(login, source)
            arguments = {"release": release, "staging": f"~{login.user}/{self._staging}", "root": self.root}
            path = _ask(way, "receive", arguments, str)
        LOG.info("A release of the agent went to a host.", host=login.name, release=release, **asdict(moved))
        return Delivered(path, moved)

    def _send(self, login: Login, source: Path) -> Moved:
        return statistics(self.transport.copy(login, _OPTIONS, source, self._staging, PATIENCE))

    def _source(self, release: str) -> Path:
        source = self.releases / release
        if not source.is_dir():
            raise NotFound(f"There is no release {release} of the agent here.", "Build it: trovectl agent push.")
        if releases.verify(source).total != release:
            raise Invalid(f"The release in {source} has another hash than its name.", "Remove it, and build it anew.")
        return source

    @contextlib.contextmanager
    def _turn(self, login: Login) -> Iterator[None]:
        """One delivery to a login at a time: two at once would mix their files."""
        self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._locks / f"{login.name}.delivery", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True, slots=True)
class AsRoot:
    """A ``Way`` to run commands as root on a host."""

    transport: Transport
    login: Login

    def run(self, command: Sequence[str], given: bytes, timeout: float) -> Ended:
        return self.transport.run(self.login, command, given, timeout, root=True)


def _ask(way: Way, function: str, arguments: Mapping[str, object], answer: Any) -> Any:
    return programs.call(way, (installing, pruning, machine, receiving), function, arguments, answer, PATIENCE)


def statistics(printed: str) -> Moved:
    """Out of what ``rsync --stats`` prints."""
    found = {}
    for name, words in _FIGURES.items():
        line = re.search(rf"^{words}: ([\d,]+)", printed, re.MULTILINE)
        found[name] = int(line[1].replace(",", "")) if line else 0
    return Moved(**found)
