"""Instances on this machine: each a supervised directory with an address, a volume and limits of its own."""

import re
from pathlib import Path

from common.contract.placement import BusLogin, Growth, GuestKeys, Placed, Placement, Unplacement
from common.errors import HostFailed
from trove.releases import installing

from ..base import Wanted
from . import addresses, agent

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

    def allocate_address(self, instance_id: str, taken: frozenset[str]) -> str:
        return addresses.allocate(self._installation, instance_id, taken, addresses.listening())

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        _check_port(wanted.address, wanted.port)
        placement = Placement(
            instance_id=wanted.instance_id, home=str(self._home(wanted.instance_id)), release=str(self._release()),
            datastore=wanted.datastore, datastore_version=wanted.datastore_version, address=wanted.address,
            port=wanted.port, memory_mb=wanted.memory_mb, vcpus=wanted.vcpus, volume_gb=wanted.volume_gb, bus=bus,
            keys=keys, log_json=self._log_json, log_debug=self._log_debug)
        return agent.run(self._release(), "place", placement, Placed)

    def unplace(self, instance_id: str) -> None:
        order = Unplacement(instance_id=instance_id, home=str(self._home(instance_id)))
        agent.run(self._release(), "unplace", order, type(None))

    def grow(self, instance_id: str, volume_gb: int) -> None:
        order = Growth(instance_id=instance_id, home=str(self._home(instance_id)), volume_gb=volume_gb)
        agent.run(self._release(), "grow", order, type(None))

    def placed(self) -> frozenset[str]:
        names = [path.name for path in (self._state / "instances").glob("*")]
        names += [path.stem for path in (self._state / "volumes").glob("*.*")]
        return frozenset(name for name in names if _ID.fullmatch(name))

    def _home(self, instance_id: str) -> Path:
        return self._state / "instances" / instance_id

    def _release(self) -> Path:
        """The release in the state directory, where it outlives an update of this program."""
        if self._installed is None:
            self._installed = installing.install(self._source, self._state / "releases")
        return self._installed


def _check_port(address: str, port: int) -> None:
    """Raises HostFailed where somebody listens on this port of all addresses: ours could not be had beside that."""
    listeners = addresses.listening()
    if ("0.0.0.0", port) in listeners and (address, port) not in listeners:  # noqa: S104
        raise HostFailed(f"Another program listens on port {port} of every address of this machine.",
                         "Stop it, or bind it to an address of its own.")


def provider(installation: str, state: Path, agent_release: Path, *, log_json: bool = False,
             log_debug: bool = False) -> LocalProvider:
    return LocalProvider(installation, state, agent_release, log_json=log_json, log_debug=log_debug)
