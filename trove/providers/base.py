"""Where instances live: a provider gives a place, address, volume, the agent and its secrets, and takes them back."""

from dataclasses import dataclass
from typing import Protocol

from common.contract.placement import BusLogin, GuestKeys, Placed


@dataclass(frozen=True, slots=True)
class Wanted:
    """The instance that a provider is to place. ``volume_gb`` None: no volume of its own."""

    instance_id: str
    datastore: str
    datastore_version: str
    address: str
    port: int
    memory_mb: int
    vcpus: int
    volume_gb: int | None


class Provider(Protocol):
    """Every method is idempotent: asked again it finishes what it had begun. Errors are of ``common.errors``."""

    name: str

    def allocate_address(self, instance_id: str, taken: frozenset[str]) -> str:
        """An address that nobody uses, outside ``taken``. Raises NoSpace when there is none left."""

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        """Makes or repairs the place and starts the agent in it. A server that runs there is not touched."""

    def unplace(self, instance_id: str) -> None:
        """Stops and removes all of it: processes, mounts, users, files. Nothing to do when nothing is there."""

    def grow(self, instance_id: str, volume_gb: int) -> None:
        """Makes the volume larger while it is in use."""

    def placed(self) -> frozenset[str]:
        """Ids of the instances that have anything on this provider."""
