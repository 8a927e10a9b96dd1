"""The broker that the configuration means: a private one of this installation, or one that somebody else runs."""

import ipaddress
from pathlib import Path
from typing import Protocol

from oslo_config import cfg

from common.errors import HostFailed, Invalid
from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from trove.bus.admin import Admin, Tls
from trove.taskmanager.services import BusEndpoint

from .authority import Authority
from .rabbit import PrivateNode
from .state import State
from .upkeep import BrokerKeeper


class Broker(Protocol):
    """``start`` comes first, and returns when one of ours takes logins; ``close`` lets go of it and leaves it running.
    ``is_ours``: nobody else could start it, so that there is no waiting for it."""

    is_ours: bool

    def start(self) -> None: ...
    def close(self) -> None: ...
    def address(self) -> BusAddress: ...
    def admin(self) -> Admin: ...
    def endpoint(self) -> BusEndpoint: ...


def find(conf: cfg.ConfigOpts, state: State) -> Broker:
    """Raises Invalid for a private one without an address that agents could be told."""
    if conf.broker.host:
        return ForeignBroker(conf)
    far = far_host(conf)
    return PrivateBroker(private_node(state, far, conf.broker.listen_address), far)


def private_node(state: State, far: str = "", listen: str = "") -> PrivateNode:
    """``far``: by what other machines reach it, if they do; ``listen`` where. Neither matters to who only ends it."""
    return PrivateNode(state.rabbit, Authority(state.authority, [far] if far else []), listen)


def far_host(conf: cfg.ConfigOpts) -> str:
    """What agents on other machines reach the broker by; empty where they do not. Raises Invalid."""
    section = conf.broker
    if section.host or not section.listen_address:
        return str(section.host and (section.guest_address or section.host))
    try:
        listen = ipaddress.ip_address(section.listen_address)
    except ValueError:
        raise Invalid(f"{section.listen_address} is no IP address.",
                      "Correct listen_address in section [broker].") from None
    if listen.is_unspecified and not section.guest_address:
        raise Invalid("The broker is to listen on every address, and agents cannot be told which one to use.",
                      "Set guest_address in section [broker], too.")
    return str(section.guest_address or section.listen_address)


class PrivateBroker:
    """A node beside us, which is kept alive while we live."""

    is_ours = True

    def __init__(self, node: PrivateNode, far_host: str) -> None:
        self._node = node
        self._far = (far_host, far_host) if far_host else None
        self._keeper = BrokerKeeper(node)

    def start(self) -> None:
        self._node.start()
        self._keeper.start()

    def close(self) -> None:
        self._keeper.stop()

    def address(self) -> BusAddress:
        return self._node.bus_address()

    def admin(self) -> Admin:
        return self._node.admin()

    def endpoint(self) -> BusEndpoint:
        return _endpoint(self._node.bus_address(), self._far)


class ForeignBroker:
    """A RabbitMQ that the operator runs, as section ``[broker]`` describes it."""

    is_ours = False

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._section = conf.broker
        self._password = Secret(conf.broker.password)

    def start(self) -> None:
        """Raises HostFailed for a certificate authority that is not there, Invalid for passwords in clear; whether it
        answers is seen at connecting."""
        if not Path(self._section.ca_file).is_file():
            raise HostFailed(f"The broker's authority {self._section.ca_file or '(none)'} is not a file.",
                             "Set ca_file in section [broker] to the PEM file of its certificate authority.")
        if not self._section.management_tls and not _is_loopback(self._section.host):
            raise Invalid("The broker's management interface would be sent the passwords of all guests in clear.",
                          "Give it TLS (management.ssl in rabbitmq.conf), and leave management_tls in section [broker] "
                          "as it is by default.")

    def close(self) -> None:
        """There is nothing to let go of."""

    def address(self) -> BusAddress:
        return BusAddress(host=self._section.host, port=self._section.port, username=self._section.username,
                          password=self._password, virtual_host=self._section.virtual_host,
                          ca_file=self._section.ca_file, server_name=self._section.server_name or self._section.host)

    def admin(self) -> Admin:
        section = self._section
        name = self.address().server_name
        return Admin(section.host, section.management_port, section.username, self._password, section.virtual_host,
                     tls=Tls(section.ca_file, name) if section.management_tls else None)

    def endpoint(self) -> BusEndpoint:
        address = self.address()
        return _endpoint(address, (self._section.guest_address or address.host, address.server_name))


def _is_loopback(host: str) -> bool:
    """Of an address. A name may mean another one tomorrow."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(address: BusAddress, far: tuple[str, str] | None) -> BusEndpoint:
    return BusEndpoint(host=address.host, port=address.port, virtual_host=address.virtual_host,
                       ca_pem=Path(address.ca_file).read_text(), server_name=address.server_name, far=far)
