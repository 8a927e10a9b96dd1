"""Instances on registered hosts: placed by the same root command as on this machine, run there over SSH."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from common import datastores
from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import Internal
from common.findings import Finding
from trove.domain import placement
from trove.domain.hosts import Host, Hosts, HostState, gone
from trove.domain.spots import Load, Spot
from trove.releases import installing, machine, pruning

from ..agent import Logging, RootCommand
from ..base import Wanted
from . import looking, programs
from .delivery import AsRoot, Delivery


class SshProvider:
    """``choose`` gives the hash of the release for a host, which ``delivery`` brings there.

    Below ``machine.TOP`` of a host: ``instances/<id>``, ``volumes/<id>.img`` and ``releases/<hash>``.
    """

    name = "ssh"

    def __init__(self, hosts: Hosts, delivery: Delivery, choose: Callable[[Host], str], logging: Logging) -> None:
        self._hosts = hosts
        self._delivery = delivery
        self._choose = choose
        self._logging = logging

    def hosts(self) -> tuple[str | None, ...]:
        return tuple(host.name for host in self._hosts.all() if host.state is not HostState.LOST)

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        need = placement.Need(wanted.datastore, wanted.datastore_version, wanted.memory_mb, wanted.volume_gb,
                              datastores.manifest(wanted.datastore).default_port, binaries=wanted.binaries)
        return placement.choose(self._hosts.all(), loads, need)

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        return self._agent(wanted.found().host).preflight(wanted, bus)

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        """Two releases where the agent is to keep another one than the command that places it is of."""
        host = self._host(wanted.found().host)
        present = self._choose(host)
        command = self._command(host, present)
        release = wanted.release or present
        own = str(command.release) if release == present else self._delivery.deliver(host, release).path
        return command.place(wanted, bus, keys, own)

    def unplace(self, instance_id: str, host: str | None) -> None:
        """Of what a lost host had, nothing is left that could be removed."""
        if host is None or self._hosts.get(host).state is not HostState.LOST:
            self._agent(host).unplace(instance_id)

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        self._agent(host).grow(instance_id, volume_gb)

    def placed(self, host: str | None) -> frozenset[str]:
        way = AsRoot(self._delivery.transport, self._host(host))
        return frozenset(programs.call(way, (installing, pruning, machine, looking), "placed",
                                       {"root": self._delivery.root}, list[str], looking.PATIENCE))

    def deliver(self, release: str | None, host: str | None) -> str:
        where = self._host(host)
        return self._delivery.deliver(where, release or self._choose(where)).path

    def _agent(self, name: str | None) -> RootCommand:
        """From the release that the host gets, which is there then."""
        host = self._host(name)
        return self._command(host, self._choose(host))

    def _command(self, host: Host, release: str) -> RootCommand:
        path = self._delivery.deliver(host, release).path
        way, top = AsRoot(self._delivery.transport, host), machine.top(self._delivery.root)
        return RootCommand(way, PurePosixPath(path), top, self._logging)

    def _host(self, name: str | None) -> Host:
        """Raises NotFound; HostFailed for one that is lost; Internal for this machine, which is another provider's."""
        if name is None:
            raise Internal("An instance on this machine was asked of the provider of hosts.")
        host = self._hosts.get(name)
        if host.state is HostState.LOST:
            raise gone(name)
        return host
