"""Where instances live: a provider gives a place, address, volume, the agent and its secrets, and takes them back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import Internal
from common.findings import Finding
from trove.domain.spots import Load, Spot


@dataclass(frozen=True, slots=True)
class Wanted:
    """The instance that a provider is to place. ``volume_gb`` None: no volume of its own; ``spot`` None: none yet.

    ``release`` is the hash of the release that its agent is to run from, None for the one that new instances get. An
    agent that is there keeps its own, unless ``replaces_release``. ``binaries``: directory of the server's programs,
    empty: those of the system. ``template``: a server that is new there may be a copy of one that was initialised
    before.
    """

    instance_id: str
    datastore: str
    datastore_version: str
    memory_mb: int
    vcpus: int
    volume_gb: int | None
    spot: Spot | None = None
    release: str | None = None
    replaces_release: bool = False
    binaries: str = ""
    template: bool = False

    def found(self) -> Spot:
        """Raises Internal where there is none yet."""
        if self.spot is None:
            raise Internal(f"The instance {self.instance_id} has no address.", "Delete it.")
        return self.spot


class Provider(Protocol):
    """Every method is idempotent: asked again it finishes what it had begun. Errors are of ``common.errors``.

    ``host`` is the name of a registered host, None this machine. A host that cannot be reached is Unreachable, and
    never looks as if it were empty.
    """

    name: str

    def hosts(self) -> tuple[str | None, ...]:
        """Where its instances may stand."""

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        """A spot beside ``loads``, all that stands anywhere. At once: it is asked inside of a transaction.

        Raises NoSpace when there is none.
        """

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        """Whether the machine of its spot can carry it, and reach this broker. Makes nothing."""

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        """Makes or repairs the place and starts the agent in it. A server that runs there is not touched.

        Before it makes anything, it raises what ``preflight`` finds failed.
        """

    def unplace(self, instance_id: str, host: str | None) -> None:
        """Stops and removes all of it: processes, mounts, users, files. Nothing to do when nothing is there."""

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        """Makes the volume larger while it is in use."""

    def placed(self, host: str | None) -> frozenset[str]:
        """Ids of the instances that have anything there."""

    def deliver(self, release: str | None, host: str | None) -> str:
        """The directory there of the release with this hash, verified and byte-compiled; None: what new instances get.

        Raises NotFound for a hash that the installation does not have, Invalid for one that is damaged.
        """
