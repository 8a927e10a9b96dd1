"""A guest and a control plane that talk over a real broker, each with a connection of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from common.contract import types as t
from common.openstack.rpc.connection import Bus, BusAddress
from common.openstack.rpc.sealing import KeyPair
from tests.keys import drawn
from trove.bus.guests import GuestClient
from trove.domain.peers import PeerKeys
from troveguest.bus.client import ConductorClient
from troveguest.bus.keys import Keys
from troveguest.bus.server import GuestServer, Request

PATIENCE = 20.0
"""Seconds; a test that waits longer for an event has failed."""


def agent_info(instance_id: str, incarnation: str) -> t.AgentInfo:
    return t.AgentInfo(instance_id=instance_id, agent_version="1", contract_version="1.0", datastore="fake",
                       datastore_version="1", capabilities=("users",), incarnation=incarnation)


def answer(request: Request) -> object:
    """What a simple agent answers."""
    if request.operation_id:
        return t.Ticket(operation_id=request.operation_id, state=t.OperationState.RUNNING)
    if request.method.name == "rpc_ping":
        return agent_info("", "")
    if request.method.name == "is_root_enabled":
        return True
    if request.method.name == "enable_root":
        return t.RootCredential(name="root", password=request.arguments["password"])
    return None


@dataclass
class Peers:
    """Both ends of one guest; ``dispatch`` may be replaced at any time."""

    instance_id: str
    keys: KeyPair
    guest_bus: Bus
    bus: Bus
    client: GuestClient
    known: PeerKeys
    dispatch: Callable[[Request], object] = answer
    requests: list[Request] = field(default_factory=list)
    servers: list[GuestServer] = field(default_factory=list)

    def serve(self, incarnation: str = "first", keys: KeyPair | None = None) -> GuestServer:
        """Starts an agent, in place of the one before."""
        for server in self.servers:
            server.stop()

        def dispatch(request: Request) -> object:
            self.requests.append(request)
            return self.dispatch(request)

        server = GuestServer(self.guest_bus, self.instance_id, Keys(keys or self.keys), incarnation, dispatch)
        server.start()
        self.servers.append(server)
        return server

    @property
    def proxy(self):
        return self.client.of(self.instance_id)

    def conductor(self) -> ConductorClient:
        return ConductorClient(self.guest_bus, self.instance_id, Keys(self.keys))


@pytest.fixture
def make_bus() -> Iterator[Callable[[BusAddress, str], Bus]]:
    made: list[Bus] = []

    def make(address: BusAddress, name: str) -> Bus:
        bus = Bus(address, name)
        bus.start()
        made.append(bus)
        return bus

    yield make
    for bus in made:
        bus.stop()


@pytest.fixture
def peers(guest, bus_address, make_bus) -> Iterator[Peers]:
    keys = drawn()
    known = PeerKeys(to_guest=keys.to_guest, from_guest=keys.from_guest, incarnation="first", contract_version="1.0")
    bus = make_bus(bus_address, "control")
    made = Peers(instance_id=guest.instance_id, keys=keys, guest_bus=make_bus(guest.address, "agent"), bus=bus,
                 client=GuestClient(bus, lambda instance_id: made.known), known=known)
    yield made
    for server in made.servers:
        server.stop()
