"""A look at a host, as its operator asks for it: whether it can carry instances, and what it has for them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from common.errors import HostFailed
from trove.domain.hosts import Facts, Host
from trove.releases import installing, machine, pruning

from . import hostkeys, looking, programs
from .delivery import AsRoot
from .transport import Transport

OLDEST_PYTHON = (3, 11)


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    memory_mb: int
    vcpus: int
    disk_gb: int
    python: str
    arch: str
    systemd: bool
    engines: dict[str, tuple[str, ...]]
    binaries: dict[str, str]
    busy_ports: tuple[int, ...]
    owns_address: bool
    lacks: tuple[str, ...]
    boot_id: str
    now: float


@dataclass(frozen=True, slots=True)
class Checker:
    """``root`` is the file system of a host."""

    transport: Transport
    root: str = "/"

    def offered_key(self, address: str, port: int) -> str:
        """``TYPE BASE64``, for which nobody vouches yet. Raises Unreachable."""
        return hostkeys.offered(address, port)

    def look(self, host: Host, binaries: Sequence[tuple[str, str]] = ()) -> Facts:
        """``binaries``: engines and directories that it is asked for, too.

        Raises HostFailed for what keeps it from carrying instances, and what ``Transport`` raises."""
        asked = {"root": self.root, "listen_address": host.listen_address, "binaries": binaries}
        told = programs.call(AsRoot(self.transport, host), (installing, pruning, machine, looking), "facts",
                             asked, _Answer, looking.PATIENCE)
        skew = round(told.now - time.time(), 2)
        _require(host, told)
        return Facts(memory_mb=told.memory_mb, vcpus=told.vcpus, disk_gb=told.disk_gb, python=told.python,
                     arch=told.arch, systemd=told.systemd, engines=told.engines, binaries=told.binaries,
                     busy_ports=told.busy_ports, clock_skew=skew, boot_id=told.boot_id)


def _require(host: Host, told: _Answer) -> None:
    if tuple(int(part) for part in told.python.split(".")) < OLDEST_PYTHON:
        raise HostFailed(f"The host {host.name} has Python {told.python}, and agents need 3.11 or later.",
                         "Upgrade its operating system: Debian 12 has Python 3.11.")
    if told.lacks:
        names = " ".join(told.lacks)
        raise HostFailed(f"The host {host.name} has no {', '.join(told.lacks)}.", f"Run there: apt-get install {names}")
    if not told.owns_address:
        raise HostFailed(f"{host.listen_address} is no address of the host {host.name}.",
                         "Register it with the address that its database servers are to listen on.")
