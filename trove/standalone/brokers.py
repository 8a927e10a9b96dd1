"""The broker that the configuration means: a private one of this installation, or one that somebody else runs."""

from pathlib import Path
from typing import Protocol

from oslo_config import cfg

from common.errors import HostFailed
from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from trove.bus.admin import Admin
from trove.taskmanager.services import BusEndpoint

from .authority import Authority
from .rabbit import PrivateNode
from .state import State
from .upkeep import BrokerKeeper


class Broker(Protocol):
    """``start`` comes first, and returns when it takes logins; ``close`` lets go of it and leaves it running."""

    def start(self) -> None: ...
    def close(self) -> None: ...
    def address(self) -> BusAddress: ...
    def admin(self) -> Admin: ...
    def endpoint(self) -> BusEndpoint: ...


def find(conf: cfg.ConfigOpts, state: State) -> Broker:
    return ForeignBroker(conf) if conf.broker.host else PrivateBroker(private_node(state))


def private_node(state: State) -> PrivateNode:
    return PrivateNode(state.rabbit, Authority(state.authority))


class PrivateBroker:
    """A node beside us, which is kept alive while we live."""

    def __init__(self, node: PrivateNode) -> None:
        self._node = node
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
        return _endpoint(self._node.bus_address())


class ForeignBroker:
    """A RabbitMQ that the operator runs, as section ``[broker]`` describes it."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._section = conf.broker
        self._password = Secret(conf.broker.password)

    def start(self) -> None:
        """Raises HostFailed for a certificate authority that is not there; whether it answers is seen at connecting."""
        if not Path(self._section.ca_file).is_file():
            raise HostFailed(f"The broker's authority {self._section.ca_file or '(none)'} is not a file.",
                             "Set ca_file in section [broker] to the PEM file of its certificate authority.")

    def close(self) -> None:
        """There is nothing to let go of."""

    def address(self) -> BusAddress:
        return BusAddress(host=self._section.host, port=self._section.port, username=self._section.username,
                          password=self._password, virtual_host=self._section.virtual_host,
                          ca_file=self._section.ca_file, server_name=self._section.server_name or self._section.host)

    def admin(self) -> Admin:
        return Admin(self._section.host, self._section.management_port, self._section.username, self._password,
                     self._section.virtual_host)

    def endpoint(self) -> BusEndpoint:
        return _endpoint(self.address())


def _endpoint(address: BusAddress) -> BusEndpoint:
    return BusEndpoint(host=address.host, port=address.port, virtual_host=address.virtual_host,
                       ca_pem=Path(address.ca_file).read_text(), server_name=address.server_name)
