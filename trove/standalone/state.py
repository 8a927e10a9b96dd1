"""The state directory of an installation: where everything is that it keeps.

::

    trove.conf     what the operator set (need not be there)
    key            seals the encrypted columns (0600); without it the store is worth nothing
    trove.sqlite   instances, operations …        flows.sqlite   running work
    ca/ rabbit/    the private authority and broker
    ssh/           the key that it logs in to hosts with
    api-ca.pem     what clients know the API's certificate by, where the private authority made it
    releases/      agent releases that instances run from
    instances/     one directory an instance      volumes/       their images
    log/trove.log  what the control plane said
    run/           installation (its id), lock (one control plane at a time), control.json (where it is),
                   operator (the token of whoever may read it), beside (held by task managers that run beside it),
                   ssh/ (connections to hosts)
"""

import fcntl
import os
import secrets
import sys
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from common.errors import Conflict, HostFailed, Invalid
from common.secret import Secret

from . import files, processes

LONGEST_ROOT = 43
"""Bytes in the path of a state directory: the socket of a database server lies 64 bytes below it
(``/instances/<id>/run/mariadb.sock``), and the operating system takes 107 (unix(7))."""


ENDING = ""
"""The build of a control plane that serves no more and still lives: nobody's."""


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A control plane that serves. ``started`` is its start time in clock ticks since boot; ``build`` what it runs, or
    ``ENDING``; ``certificate`` is the file with what it shows over TLS, ``cacert`` that of our authority, if it is from
    that; ``asks`` is its ``auth_strategy``.
    """

    pid: int
    started: int
    endpoint: str
    build: str
    certificate: str = ""
    cacert: str = ""
    asks: str = "noauth"


@dataclass(frozen=True)
class State:
    """Paths of one state directory. Nothing is made by looking."""

    root: Path

    @property
    def configuration(self) -> Path:
        return self.root / "trove.conf"

    @property
    def key(self) -> Path:
        return self.root / "key"

    @property
    def store(self) -> Path:
        return self.root / "trove.sqlite"

    @property
    def flows(self) -> Path:
        return self.root / "flows.sqlite"

    @property
    def authority(self) -> Path:
        return self.root / "ca"

    @property
    def cacert(self) -> Path:
        return self.root / "api-ca.pem"

    @property
    def rabbit(self) -> Path:
        return self.root / "rabbit"

    @property
    def identity(self) -> Path:
        """The private key for hosts."""
        return self.root / "ssh" / "id_ed25519"

    @property
    def connections(self) -> Path:
        """Sockets of connections to hosts."""
        return self._run / "ssh"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def log(self) -> Path:
        return self.root / "log" / "trove.log"

    @property
    def exists(self) -> bool:
        """Whether an installation was ever begun here."""
        return self._run.is_dir()

    @property
    def _run(self) -> Path:
        return self.root / "run"

    def check_length(self) -> None:
        """Raises Invalid for a path below which no database could be reached."""
        if (length := len(os.fsencode(self.root))) > LONGEST_ROOT:
            raise Invalid(f"The path of the state directory, {self.root}, has {length} bytes; with more than "
                          f"{LONGEST_ROOT} the sockets of databases would be out of reach.",
                          "Name a shorter one with --state.")

    def make(self) -> None:
        """The directories that the control plane itself writes to, and ``trove.conf`` closed to others. Raises
        HostFailed."""
        try:
            files.directory(self.root, 0o711)  # broker and instances run as other users and pass through
            for name in ("run", "log"):
                files.directory(self.root / name, 0o700)
            files.directory(self.root / "instances", 0o711)
            if self.configuration.exists():  # the password of a store may be in it, and databases' accounts pass here
                self.configuration.chmod(self.configuration.stat().st_mode & 0o7770)
        except OSError as error:
            raise HostFailed(f"The state directory {self.root} cannot be made: {error.strerror}.",
                             "Name another one with --state.") from None

    def made(self) -> list[Path]:
        """Everything that an installation makes here; what runs from it must be gone before it is removed."""
        stores = [path for store in (self.store, self.flows) for path in self.root.glob(f"{store.name}*")]
        names = ("key", "ca", "api-ca.pem", "rabbit", "ssh", "releases", "instances", "volumes", "templates", "log",
                 "run")
        return [*stores, *(self.root / name for name in names)]

    def installation(self) -> str:
        """The installation's id, drawn once: what is its own on the machine is told by it from another one's."""
        path = self._run / "installation"
        if not path.exists():
            files.write(path, str(uuid.uuid4()))
        return path.read_text()

    def operator_token(self) -> Secret:
        """By which the API knows whoever may read this directory, drawn once."""
        path = self._run / "operator"
        if not path.exists():
            files.write(path, secrets.token_urlsafe(32))
        return Secret(path.read_text())

    def sqlite(self, file: Path) -> str:
        """The URL of a SQLite file, which others cannot read; what SQLite puts beside it takes over its mode."""
        file.touch(mode=0o600)
        return f"sqlite:///{file}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Only one control plane works in a state directory. Raises Conflict when another one does."""
        with _locked(self._run / "lock", fcntl.LOCK_EX, Conflict(
                f"Another control plane works in {self.root}.", "Stop it first: bin/down.")):
            yield

    @contextmanager
    def joined(self) -> Iterator[None]:
        """A task manager works beside the control plane, perhaps with others. Raises Conflict during an upgrade."""
        with _locked(self._run / "beside", fcntl.LOCK_SH, Conflict(
                f"The store of {self.root} is being upgraded, or removed.", "Start the task manager afterwards.")):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody works beside the control plane. Raises Conflict when a task manager does."""
        with _locked(self._run / "beside", fcntl.LOCK_EX, Conflict(
                f"A task manager works beside the control plane of {self.root}.",
                "Stop every trovectl task-manager first; its work goes on afterwards.")):
            yield

    def announce(self, control: Control) -> None:
        """Says where the control plane is, from the moment that it serves."""
        files.write(self._run / "control.json", msgspec.json.encode(control))

    def control(self) -> Control | None:
        """The control plane that serves now, None when there is none."""
        last = self._last_control()
        return last if last and processes.Process(last.pid, last.started).alive() else None

    def last_port(self) -> int | None:
        """The API's port in the last life of the control plane, which clients may have kept."""
        last = self._last_control()
        return urllib.parse.urlsplit(last.endpoint).port if last else None

    def _last_control(self) -> Control | None:
        try:
            return msgspec.json.decode((self._run / "control.json").read_bytes(), type=Control)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


@contextmanager
def _locked(path: Path, how: int, refusal: Conflict) -> Iterator[None]:
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refusal from None
        yield


def default_root() -> Path:
    """``/var/lib/trove`` for root, else a directory of the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/trove")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "trove"


def build() -> str:
    """Tells one build of this program from another: what ``bin/up`` installed, or ``source``."""
    stamp = Path(sys.prefix, ".own")
    return stamp.read_text().strip() if stamp.exists() else "source"
