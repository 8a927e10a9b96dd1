"""Where the secrets that the system makes for itself are meant to be: this is the whole list."""

import base64
import os
import pwd
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.secrets import needles
from tests.secrets.needles import Needle

PEM, BYTES = "PEM", "BYTES"


@dataclass(frozen=True)
class Place:
    """Where a secret of the system is meant to be, below the state directory: files by pattern, and who may read them.

    ``owner``: ``own`` is the control plane's account, ``broker`` that of its broker, ``agent`` that of an instance's
    agent.
    """

    kind: str
    pattern: str
    mode: int
    owner: str
    values: str
    """A regular expression with one group, for each secret in it; ``PEM``: a private key; ``BYTES``: nothing else."""


PLACES = (
    Place("key file", "key", 0o600, "own", r"^(\S+)$"),
    Place("authority's key", "ca/ca.key", 0o600, "own", PEM),
    Place("broker's TLS key", "ca/server.pem", 0o600, "own", PEM),
    Place("broker's TLS key", "rabbit/etc/server.pem", 0o400, "broker", PEM),
    Place("API's TLS key", "ca/api.pem", 0o600, "own", PEM),
    Place("broker's administrator", "rabbit/node.json", 0o600, "own", r'"password":"([^"]+)"'),
    Place("broker's cookie", "rabbit/node.json", 0o600, "own", r'"cookie":"([^"]+)"'),
    Place("broker's cookie", "rabbit/etc/.erlang.cookie", 0o400, "broker", r"^(\S+)$"),
    Place("key for hosts", "ssh/id_ed25519", 0o600, "own", PEM),
    Place("guest's keys", "instances/*/config/20-secrets.conf", 0o600, "agent", r'^(?:to|from)_guest = "([^"]+)"'),
    Place("guest's broker password", "instances/*/config/20-secrets.conf", 0o600, "agent", r'^password = "([^"]+)"'),
    Place("journal's key", "instances/*/state/journal.key", 0o600, "agent", BYTES),
    Place("agent's database password", "instances/*/engine/key", 0o600, "agent", r"^(\S+)$"),
    Place("store's password", "trove.conf", 0o640, "own", r"^connection = [^:]+://[^:]+:([^@]+)@"),
    Place("Keystone's service password", "trove.conf", 0o640, "own", r"^password = (\S+)$"),
    Place("operator's token", "run/operator", 0o600, "own", r"^(\S+)$"),
)


def files(place: Place, root: Path) -> list[Path]:
    return sorted(root.glob(place.pattern))


def own(root: Path, instances: Mapping[str, str]) -> list[Needle]:
    """The system's secrets below ``root``, from where they are meant to be; ``instances`` are ids by engine."""
    return [needle for place in PLACES for file in files(place, root) for needle in _in(place, file, instances)]


def meant(root: Path) -> set[tuple[str, Path]]:
    """Kinds of secrets, and the files that are meant to have one of these."""
    return {(place.kind, file) for place in PLACES for file in files(place, root) if [*_in(place, file, {})]}


def wrong(root: Path) -> list[str]:
    """Files that others than those who are to may read or change."""
    return [f"{file}: {stat.S_IMODE(file.stat().st_mode):o} of {file.stat().st_uid}" for place in PLACES
            for file in files(place, root)
            if (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) != (place.mode, _owner(place, file, root))]


def _in(place: Place, file: Path, instances: Mapping[str, str]) -> Iterator[Needle]:
    name = f"{place.kind} of {file}"
    of = next((engine for engine, instance in instances.items() if instance in file.parts), "")
    if place.values == PEM:
        yield from needles.of_pem(name, place.kind, file.read_text())
    elif place.values == BYTES:
        yield Needle(name, place.kind, base64.b64encode(file.read_bytes()).decode(), of)
    else:
        for number, value in enumerate(re.findall(place.values, file.read_text(), re.MULTILINE)):
            yield Needle(f"{name}, {number}", place.kind, value, of)


def _owner(place: Place, file: Path, root: Path) -> int:
    if place.owner == "broker":
        return pwd.getpwnam("rabbitmq").pw_uid if os.geteuid() == 0 else os.geteuid()
    return (file.parent if place.owner == "agent" else root).stat().st_uid
