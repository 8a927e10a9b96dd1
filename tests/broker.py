"""A pytest plugin: a real private RabbitMQ node for one test session, and what tests usually want of it.

``broker``       the node (trove.standalone.rabbit.PrivateNode), started once, gone when the session ends
``admin``        its management interface (trove.bus.admin.Admin)
``bus_address``  how the control plane reaches it (common.openstack.rpc.link.BusAddress)
``new_guest``    makes a guest with queues and login, under a random instance id, and takes it away after the test
``guest``        one such

Trove is imported inside the fixtures alone: the guest's tests load this plugin where no ``trove`` is installed.
"""

from __future__ import annotations

import dataclasses
import pathlib
import secrets
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from common.openstack.rpc.link import BusAddress
    from trove.bus.admin import Admin
    from trove.standalone.rabbit import PrivateNode


@dataclasses.dataclass(frozen=True)
class Guest:
    """A guest that the broker knows, and how it reaches it."""

    instance_id: str
    address: BusAddress


@pytest.fixture(scope="session")
def broker_directory() -> Iterator[pathlib.Path]:
    """Not pytest's own, which nobody but its owner may enter: as root the node runs as another user."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="trove-broker-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def broker(broker_directory: pathlib.Path) -> Iterator[PrivateNode]:
    from trove.standalone.authority import Authority
    from trove.standalone.rabbit import PrivateNode

    node = PrivateNode(broker_directory / "rabbit", Authority(broker_directory / "ca"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def admin(broker: PrivateNode) -> Iterator[Admin]:
    from trove.bus.topology import GuestTopology

    client = broker.admin()
    GuestTopology(client).prepare()
    yield client
    client.close()


@pytest.fixture(scope="session")
def bus_address(broker: PrivateNode, admin: Admin) -> BusAddress:
    return broker.bus_address()


@pytest.fixture
def new_guest(bus_address: BusAddress, admin: Admin) -> Iterator[Callable[[], Guest]]:
    from common.secret import Secret
    from trove.bus import names
    from trove.bus.topology import GuestTopology

    topology = GuestTopology(admin)
    made: list[str] = []

    def make() -> Guest:
        instance_id, password = str(uuid.uuid4()), Secret(secrets.token_urlsafe(24))
        made.append(instance_id)
        topology.create(instance_id, {1: password})
        login = names.login(instance_id)
        return Guest(instance_id, dataclasses.replace(bus_address, username=login, password=password))

    yield make
    for instance_id in made:
        topology.delete(instance_id)


@pytest.fixture
def guest(new_guest: Callable[[], Guest]) -> Guest:
    return new_guest()
