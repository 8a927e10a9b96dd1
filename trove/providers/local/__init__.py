"""Instances on this machine: each a supervised directory with an address, a volume and limits of its own."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from common import datastores
from common.contract.placement import BusLogin, Growth, GuestKeys, Placed, Placement, Preflight, Unplacement
from common.findings import Finding
from trove.domain.spots import Load, Spot
from trove.releases import installing

from .. import agent
from ..base import Wanted
from . import addresses
from .here import Here

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LocalProvider:
    """Below ``state``: ``instances/<id>``, ``volumes/<id>.img`` and ``releases/<hash>``.

    ``installation`` is the installation's id, from which its addresses follow; ``agent_release`` the release that new
    and repaired instances run from.
    """

    name = "local"

    def __init__(self, installation: str, state: Path, agent_release: Path, *, log_json: bool = False,
                 log_debug: bool = False) -> None:
        self._installation = installation
        self._state = state.absolute()
        self._source = agent_release
        self._log_json = log_json
        self._log_debug = log_debug
        self._installed: Path | None = None
        self._way = Here()

    def hosts(self) -> tuple[str | None, ...]:
        return (None,)

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        taken = frozenset(load.spot.address for load in loads if load.spot.host is None)
        address = addresses.allocate(self._installation, wanted.instance_id, taken, addresses.listening())
        return Spot(None, address, datastores.manifest(wanted.datastore).default_port)

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        return agent.run(self._way, self._release(), "preflight", self._preflight(wanted, bus), tuple[Finding, ...])

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        placement = Placement(
            **structs.asdict(self._preflight(wanted, bus)), instance_id=wanted.instance_id,
            datastore_version=wanted.datastore_version, memory_mb=wanted.memory_mb, vcpus=wanted.vcpus, keys=keys,
            log_json=self._log_json, log_debug=self._log_debug)
        return agent.run(self._way, self._release(), "place", placement, Placed)

    def unplace(self, instance_id: str, host: str | None) -> None:
        order = Unplacement(instance_id=instance_id, home=str(self._home(instance_id)))
        agent.run(self._way, self._release(), "unplace", order, type(None))

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        order = Growth(instance_id=instance_id, home=str(self._home(instance_id)), volume_gb=volume_gb)
        agent.run(self._way, self._release(), "grow", order, type(None))

    def placed(self, host: str | None) -> frozenset[str]:
        names = [path.name for path in (self._state / "instances").glob("*")]
        names += [path.stem for path in (self._state / "volumes").glob("*.*")]
        return frozenset(name for name in names if _ID.fullmatch(name))

    def _preflight(self, wanted: Wanted, bus: BusLogin) -> Preflight:
        spot = wanted.found()
        return Preflight(
            home=str(self._home(wanted.instance_id)), release=str(self._release()), datastore=wanted.datastore,
            address=spot.address, port=spot.port, volume_gb=wanted.volume_gb, bus=bus, clock=time.time())

    def _home(self, instance_id: str) -> Path:
        return self._state / "instances" / instance_id

    def _release(self) -> Path:
        """The release in the state directory, where it outlives an update of this program."""
        if self._installed is None:
            self._installed = installing.install(self._source, self._state / "releases")
        return self._installed
