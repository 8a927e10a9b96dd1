"""A network of the tests' own: a bridge on this machine, and namespaces with one leg and one address each on it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hosts import claims
from tests.hosts.claims import Claim, ip

_BITS = 24


@dataclass(frozen=True)
class Leg:
    """One namespace's place on the network: ``port`` is the bridge's end of its cable."""

    namespace: str
    address: str
    port: str
    mac: str


class Network:
    """``address`` is this machine's own on the bridge: there the control plane is reached."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._legs: dict[str, Leg] = {}
        self.directory: Path = claim.directory
        self.address = f"{claim.subnet}.1"
        self.bridge = claim.name
        self._mac = self._mac_of(1)
        ip("link", "add", self.bridge, "address", self._mac, "type", "bridge")
        ip("address", "add", f"{self.address}/{_BITS}", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")

    def join(self, name: str) -> Leg:
        """A namespace with an address of its own."""
        number = len(self._legs) + 2
        leg = Leg(f"{self._claim.name}-{name}", f"{self._claim.subnet}.{number}", f"{self._claim.name}.{number}",
                  self._mac_of(number))
        ip("netns", "add", leg.namespace)
        ip("link", "add", leg.port, "type", "veth", "peer", "name", "eth0", "address", leg.mac, "netns", leg.namespace)
        ip("link", "set", leg.port, "master", self.bridge, "up")
        ip("-n", leg.namespace, "address", "add", f"{leg.address}/{_BITS}", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", leg.namespace, "link", "set", link, "up")
        self._make_cuts_silent(leg)
        self._legs[name] = leg
        return leg

    def cut(self, leg: Leg) -> None:
        """Nothing arrives any more, in either direction, and nobody is told."""
        ip("link", "set", leg.port, "down")

    def heal(self, leg: Leg) -> None:
        ip("link", "set", leg.port, "up")

    def run(self, leg: Leg, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command of this machine, run where ``leg`` stands."""
        return subprocess.run(["ip", "netns", "exec", leg.namespace, *command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)

    def _make_cuts_silent(self, leg: Leg) -> None:
        """Who knows where a neighbour is for good does not find out that it is not there: packets just vanish."""
        ip("neighbour", "replace", leg.address, "lladdr", leg.mac, "dev", self.bridge, "nud", "permanent")
        ip("-n", leg.namespace, "neighbour", "replace", self.address, "lladdr", self._mac, "dev", "eth0",
           "nud", "permanent")

    def _mac_of(self, number: int) -> str:
        return f"02:77:00:00:{self._claim.number:02x}:{number:02x}"


@contextmanager
def network() -> Iterator[Network]:
    """A network; everything that stands on it is gone afterwards."""
    with claims.claim() as claim:
        yield Network(claim)
