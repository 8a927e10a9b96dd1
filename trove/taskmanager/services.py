"""What flows work with. The bus and the provider are seen through the few methods that flows use of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.contract.placement import BusLogin
from common.secret import Secret
from trove.bus import names
from trove.db.store import Store
from trove.metrics.figures import Figures
from trove.providers.base import Provider

from .signals import Signals


class Topology(Protocol):
    """``trove.bus.GuestTopology``."""

    def create(self, instance_id: str, password: Secret) -> None: ...
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
    """Where guests reach the broker: AMQP over TLS, its certificate for ``server_name`` signed by ``ca_pem``."""

    host: str
    port: int
    virtual_host: str
    ca_pem: str
    server_name: str

    def login(self, instance_id: str, password: Secret) -> BusLogin:
        return BusLogin(host=self.host, port=self.port, virtual_host=self.virtual_host,
                        username=names.login(instance_id), password=password, ca_pem=self.ca_pem,
                        server_name=self.server_name)


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
