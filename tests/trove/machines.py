"""Machines in memory, for hosts that are registered without an SSH server behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from common.errors import TroveError, Unreachable
from trove.db.store import Store
from trove.domain.hosts import Facts, Host, HostState
from trove.standalone.hosts import HostDesk

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2v4aK0Y1mG4V0X3cV9o0r1oZqQ1f6mPpLcXyZ0aBcD"
FACTS = Facts(memory_mb=16384, vcpus=4, disk_gb=200, python="3.11", arch="x86_64", systemd=True,
              engines={"mariadb": ("10.11",)})


def host(name: str) -> Host:
    return Host(name=name, address=f"{name}.example", port=22, user="trove", host_key=KEY, listen_address="192.0.2.1",
                state=HostState.ACTIVE, facts=None, problem="", checked_at=None, created=1.0)


@dataclass
class FakeMachines:
    """Every address is a machine that is well, but those in ``down`` and those with something in ``wrong``."""

    down: set[str] = field(default_factory=set)
    wrong: dict[str, TroveError] = field(default_factory=dict)
    facts: Facts = FACTS
    asked: list[Sequence[tuple[str, str]]] = field(default_factory=list)
    """The binaries of each look."""

    def heal(self) -> None:
        """All are well, as in the beginning, and nobody has asked."""
        self.down.clear()
        self.wrong.clear()
        self.asked.clear()
        self.facts = FACTS

    def offered_key(self, address: str, port: int) -> str:
        self._reach(address)
        return KEY

    def look(self, host: Host, binaries: Sequence[tuple[str, str]] = ()) -> Facts:
        self.asked.append(binaries)
        self._reach(host.address)
        if host.address in self.wrong:
            raise self.wrong[host.address]
        return self.facts

    def _reach(self, address: str) -> None:
        if address in self.down:
            raise Unreachable(f"Nobody answers at {address}.", "Look whether the machine is up.")


def desk(store: Store) -> HostDesk:
    return HostDesk(store, FakeMachines())
