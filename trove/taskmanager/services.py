"""What flows work with. The bus and the provider are seen through the few methods that flows use of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.contract.placement import BusLogin
from common.errors import HostFailed
from common.secret import Secret
from trove.bus import names
from trove.db.store import Store
from trove.domain.spots import Spot
from trove.metrics.figures import Figures
from trove.providers.base import Provider

from .signals import Signals


class Topology(Protocol):
    """``trove.bus.GuestTopology``."""

    def create(self, instance_id: str, logins: Mapping[int, Secret]) -> None: ...
    def close_former(self, instance_id: str, epoch: int) -> None: ...
    def delete(self, instance_id: str) -> None: ...


class Guests(Protocol):
    """``trove.bus.guests.GuestClient``: a proxy with the methods of ``contract.Guest``."""

    def of(self, instance_id: str) -> Any: ...
    def forget(self, instance_id: str) -> None: ...


class Link(Protocol):
    """``common.openstack.rpc.connection.Bus``: whether there is a connection to the broker now."""

    @property
    def connected(self) -> bool: ...


class Events(Protocol):
    """``trove.bus.Events``. Publishing never fails; callbacks run on the bus thread and must not wait."""

    def publish(self, key: str, **ids: object) -> None: ...
    def subscribe(self, pattern: str, callback: Callable[[str, dict[str, Any]], None]) -> object: ...


@dataclass(frozen=True, slots=True)
class BusEndpoint:
    """Where guests reach the broker: AMQP over TLS, its certificate for ``server_name`` signed by ``ca_pem``.

    ``far``: host and name in the certificate for agents on other machines; None where these cannot reach it.
    """

    host: str
    port: int
    virtual_host: str
    ca_pem: str
    server_name: str
    far: tuple[str, str] | None = None

    def login(self, instance_id: str, password: Secret, spot: Spot | None, epoch: int = 1) -> BusLogin:
        """For an agent at ``spot``, with the keys of ``epoch``. Raises HostFailed where the broker is out of reach."""
        host, server_name = (self.host, self.server_name) if spot is None or spot.host is None else self._far()
        return BusLogin(host=host, port=self.port, virtual_host=self.virtual_host,
                        username=names.login(instance_id, epoch), password=password, ca_pem=self.ca_pem,
                        server_name=server_name)

    def _far(self) -> tuple[str, str]:
        if self.far is None:
            raise HostFailed("The broker listens on loopback alone, where agents on hosts do not reach it.",
                             "Set listen_address in section [broker] to an address that hosts reach; then restart.")
        return self.far


@dataclass(frozen=True, slots=True)
class Services:
    store: Store
    provider: Provider
    topology: Topology
    guests: Guests
    events: Events
    endpoint: BusEndpoint
    bus: Link
    signals: Signals = field(default_factory=Signals)
    figures: Figures = field(default_factory=Figures)
