"""What it takes to bring the agent to a host that has nothing of it, and then a change of one line."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tests import ground
from tests.awaiting import until
from tests.hosts.fleet import Fleet
from tests.hosts.host import Host
from trove.providers.ssh.delivery import Delivery
from trove.providers.ssh.transport import Transport
from trove.releases import archive, building, installing, sources

TARGET = building.Target("mariadb", "3.11", "x86_64")
_CHANGED = "lib/troveguest/loop.py"
_SENDER = "footprint"


@dataclass(frozen=True)
class Cost:
    """Sizes in units of 2^20 bytes; ``…_bytes`` are what went over the wire, both ways, by rsync's own account."""

    one_file_mb: float
    directory_mb: float
    first_delivery_bytes: int
    line_update_bytes: int
    first_delivery_s: float
    line_update_s: float


@dataclass(frozen=True)
class Login:
    """A test host as it is registered."""

    name: str
    address: str
    user: str
    host_key: str
    port: int = 22


def measure(host: Host, checkout: Path) -> Cost:
    """Delivers the agent of the checkout to a host that has none yet, then the same with a line more in a module."""
    with ground.directory() as directory:
        found = sources.checkout(checkout)
        release = directory / "release"
        manifest = building.build(release, found, TARGET)
        archive.write(release, directory / "one.run", found)
        releases = directory / "releases"
        shutil.copytree(release, releases / manifest.total)
        changed = _with_a_line_more(release, manifest)
        release.rename(releases / changed.total)
        transport = Transport(directory / "c", host.key)
        delivery = Delivery(transport, releases, _SENDER, directory / "locks")
        try:
            first, first_s = _deliver(delivery, host, manifest.total)
            update, update_s = _deliver(delivery, host, changed.total)
        finally:
            transport.close()
        return Cost(_megabytes(directory / "one.run"), _megabytes(*(releases / changed.total).rglob("*")),
                    first, update, first_s, update_s)


def seconds_to_first_report(fleet: Fleet, host: Host) -> float:
    """From asking for an instance, on a registered host that nothing was delivered to, until its agent reports."""
    begun = time.monotonic()
    instance = fleet.create("first")
    until(lambda: (fleet.installed.show(instance) or {}).get("service_status_updated"), 120, "the agent reports",
          every=0.02)
    seconds = time.monotonic() - begun
    fleet.installed.healthy(instance)
    fleet.installed.delete(instance)
    fleet.installed.gone(instance)
    return round(seconds, 2)


def _with_a_line_more(release: Path, manifest: installing.Manifest) -> installing.Manifest:
    with (release / _CHANGED).open("a") as module:
        module.write("CHANGED = True\n")
    return building.finish(release, version=manifest.version, contract=manifest.contract, target=TARGET,
                           licences=manifest.licences)


def _deliver(delivery: Delivery, host: Host, total: str) -> tuple[int, float]:
    begun = time.monotonic()
    moved = delivery.deliver(Login(host.name, host.address, host.login, host.host_key), total).moved
    assert moved is not None, f"{total} was there already"
    return moved.sent + moved.received, round(time.monotonic() - begun, 2)


def _megabytes(*files: Path) -> float:
    return round(sum(file.stat().st_size for file in files if file.is_file()) / 2**20, 1)
