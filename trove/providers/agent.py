"""The root command of the agent's package, run from a release as a program of its own: here or on a host."""

import time
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from msgspec import structs

from common.contract import codec
from common.contract.placement import BusLogin, Growth, GuestKeys, Placed, Placement, Preflight, Unplacement
from common.findings import Finding
from trove.releases.installing import PROGRAM

from . import running
from .base import Wanted
from .running import Way

T = TypeVar("T")

PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Logging:
    """How placed agents write their log."""

    json: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True)
class RootCommand:
    """``release`` is its directory; instances are in ``root``/instances/<id>. Both are paths where ``way`` leads.

    Its methods raise what the command answers, and what ``running.ask`` raises.
    """

    way: Way
    release: PurePath
    root: PurePath
    logging: Logging

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        return self._run("preflight", self._preflight(wanted, bus), tuple[Finding, ...])

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys, release: str) -> Placed:
        """``release`` is the directory that the agent is to run from."""
        asked = structs.replace(self._preflight(wanted, bus), release=release)
        return self._run("place", Placement(
            **structs.asdict(asked), replaces_release=wanted.replaces_release,
            template=wanted.template, instance_id=wanted.instance_id,
            datastore_version=wanted.datastore_version, memory_mb=wanted.memory_mb, vcpus=wanted.vcpus, keys=keys,
            log_json=self.logging.json, log_debug=self.logging.debug), Placed)

    def unplace(self, instance_id: str) -> None:
        self._run("unplace", Unplacement(instance_id=instance_id, home=self._home(instance_id)), type(None))

    def grow(self, instance_id: str, volume_gb: int) -> None:
        order = Growth(instance_id=instance_id, home=self._home(instance_id), volume_gb=volume_gb)
        self._run("grow", order, type(None))

    def _preflight(self, wanted: Wanted, bus: BusLogin) -> Preflight:
        spot = wanted.found()
        return Preflight(
            home=self._home(wanted.instance_id), release=str(self.release), datastore=wanted.datastore,
            address=spot.address, port=spot.port, volume_gb=wanted.volume_gb, bus=bus,
            binaries=wanted.binaries, clock=time.time())

    def _home(self, instance_id: str) -> str:
        return str(self.root / "instances" / instance_id)

    def _run(self, action: str, order: object, answer: type[T]) -> T:
        """The order goes to its standard input, as it holds secrets."""
        return running.ask(self.way, [str(self.release / PROGRAM), action], codec.encode(order), answer, PATIENCE,
                           f"trove-guestagent {action}")
