"""Instances on this machine: each a supervised directory with an address, a volume and limits of its own."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from common import datastores
from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import NotFound
from common.findings import Finding
from trove.domain.spots import Load, Spot
from trove.releases import installing

from ..agent import Logging, RootCommand
from ..base import Wanted
from . import addresses
from .here import Here
from .whole import Whole

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LocalProvider:
    """Below ``state``: ``instances/<id>``, ``volumes/<id>.img`` and ``releases/<hash>``.

    ``installation`` is the installation's id, from which its addresses follow; ``agent_release`` the release that new
    and repaired instances run from.
    """

    name = "local"

    def __init__(self, installation: str, state: Path, agent_release: Path, logging: Logging) -> None:
        self._installation = installation
        self._state = state.absolute()
        self._source = agent_release
        self._logging = logging
        self._installed: Path | None = None
        self._here = Here(spare="place")
        self._whole = Whole()

    def hosts(self) -> tuple[str | None, ...]:
        return (None,)

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        taken = frozenset(load.spot.address for load in loads if load.spot.host is None)
        address = addresses.allocate(self._installation, wanted.instance_id, taken, addresses.listening())
        return Spot(None, address, datastores.manifest(wanted.datastore).default_port)

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        return self._agent().preflight(wanted, bus)

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        return self._agent().place(wanted, bus, keys, self.deliver(wanted.release, None))

    def unplace(self, instance_id: str, host: str | None) -> None:
        self._agent().unplace(instance_id)

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        self._agent().grow(instance_id, volume_gb)

    def placed(self, host: str | None) -> frozenset[str]:
        names = [path.name for path in (self._state / "instances").glob("*")]
        names += [path.stem for path in (self._state / "volumes").glob("*.*")]
        return frozenset(name for name in names if _ID.fullmatch(name))

    def deliver(self, release: str | None, host: str | None) -> str:
        found = self._release() if release is None else self._state / "releases" / release
        if not found.is_dir():
            raise NotFound(f"There is no release {release} of the agent here.",
                           "Choose one of those in the directory releases of the installation.")
        self._whole.require(found)
        os.utime(found)
        return str(found)

    def _agent(self) -> RootCommand:
        return RootCommand(self._here, self._release(), self._state, self._logging)

    def _release(self) -> Path:
        """The release in the state directory, where it outlives an update of this program."""
        if self._installed is None:
            self._installed = installing.install(self._source, self._state / "releases")
        return self._installed
