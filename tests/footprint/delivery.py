"""What it costs to bring an agent to a host: MariaDB's release as a directory and as one file, over SSH and rsync.

The host is a machine of namespaces with a real sshd, beside us: bytes are those of any network, seconds those of a
quick one.
"""

import functools
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests import ground
from tests.awaiting import until
from tests.hosts import kinds
from tests.hosts.fleet import fleet
from tests.hosts.host import Host
from tests.hosts.network import Network, network
from trove.providers.ssh.delivery import Delivered
from trove.providers.ssh.delivery import Delivery as Sender
from trove.providers.ssh.transport import Transport
from trove.releases import archive, building, sources

CHECKOUT = Path(__file__).resolve().parents[2]
TARGET = building.Target("mariadb", "{}.{}".format(*sys.version_info), os.uname().machine)
_PATIENCE = 180.0


@dataclass(frozen=True)
class Delivery:
    """Sizes in units of 2^20 bytes; bytes as rsync counts them, both ways; seconds of one try.

    ``reporting_s`` goes from ``trovectl host add`` on a host that has seen nothing of us to the first report of the
    agent of an instance there, whose database is being made meanwhile.
    """

    one_file_mb: float
    release_mb: float
    first_delivery_bytes: int
    line_update_bytes: int
    line_update_files: int
    reporting_s: float


@dataclass(frozen=True)
class _Login:
    name: str
    address: str
    user: str
    host_key: str
    port: int = 22


def size_mb(path: Path) -> float:
    """On the disk."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return round(sum(each.lstat().st_blocks * 512 for each in files) / 2**20, 2)


def measure() -> Delivery:
    with ground.directory() as directory, network() as net, kinds.plain_host(net, "empty") as host:
        release, later = _built(directory)
        one_file = directory / "agent.run"
        archive.write(release, one_file, sources.checkout(CHECKOUT))
        deliver = functools.partial(_sender(directory, host).deliver, _login(host))
        first, second = _moved(deliver(release.name)), _moved(deliver(later.name))
        seconds = _reporting(net)
        return Delivery(size_mb(one_file), size_mb(release), first[0], *second, seconds)


def _built(directory: Path) -> tuple[Path, Path]:
    """The release of the checkout, and one with a line more in the agent's loop, each named by its hash."""
    made = directory / "releases" / "new"
    manifest = building.build(made, sources.checkout(CHECKOUT), TARGET)
    release = made.rename(made.with_name(manifest.total))
    shutil.copytree(release, made)
    with (made / "lib" / "troveguest" / "loop.py").open("a") as file:
        file.write("ONE_LINE = 1\n")
    changed = building.finish(made, version=manifest.version, contract=manifest.contract, target=TARGET,
                              licences=manifest.licences)
    return release, made.rename(made.with_name(changed.total))


def _sender(directory: Path, host: Host) -> Sender:
    private = directory / "ssh"
    private.mkdir(mode=0o700)
    return Sender(Transport(private, lambda: host.key), directory / "releases", "footprint", directory / "locks")


def _login(host: Host) -> _Login:
    return _Login(host.name, host.address, host.login, host.host_key)


def _moved(delivered: Delivered) -> tuple[int, int]:
    """Bytes and files."""
    assert delivered.moved is not None, "it was there already"
    return delivered.moved.sent + delivered.moved.received, delivered.moved.files


def _reporting(net: Network) -> float:
    with kinds.plain_host(net, "fresh") as host, fleet(net) as people:
        begun = time.monotonic()
        people.register(host)
        instance = people.create("first")

        def reported() -> bool:
            shown = people.installed.show(instance)
            return shown is not None and shown.get("service_status_updated") is not None

        until(reported, _PATIENCE, "the agent reports")
        seconds = round(time.monotonic() - begun, 1)
        people.installed.healthy(instance)
        people.installed.delete(instance)
        people.installed.gone(instance)
        people.installed.trovectl("host", "remove", host.name)
        return seconds
