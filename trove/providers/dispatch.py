"""Several providers as one: new instances go where the configuration says, each other one stays where it stands."""

from collections.abc import Sequence

from common.contract.placement import BusLogin, GuestKeys, Placed
from common.findings import Finding
from trove.domain.spots import Load, Spot

from .base import Provider, Wanted


class Dispatcher:
    """``here`` has this machine, ``elsewhere`` the registered hosts; ``chosen``, one of them, takes new instances."""

    def __init__(self, here: Provider, elsewhere: Provider, chosen: Provider) -> None:
        self._here = here
        self._elsewhere = elsewhere
        self._chosen = chosen
        self.name = chosen.name

    def hosts(self) -> tuple[str | None, ...]:
        return self._here.hosts() + self._elsewhere.hosts()

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        return self._chosen.find_spot(wanted, loads)

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        return self._of(wanted.found().host).preflight(wanted, bus)

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        return self._of(wanted.found().host).place(wanted, bus, keys)

    def unplace(self, instance_id: str, host: str | None) -> None:
        self._of(host).unplace(instance_id, host)

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        self._of(host).grow(instance_id, host, volume_gb)

    def placed(self, host: str | None) -> frozenset[str]:
        return self._of(host).placed(host)

    def deliver(self, release: str | None, host: str | None) -> str:
        return self._of(host).deliver(release, host)

    def _of(self, host: str | None) -> Provider:
        return self._here if host is None else self._elsewhere
