"""A control plane without a broker and without a host: real store, flows and conductor over fakes, in one directory.

A second ``World`` on the same directory is what a control plane finds after its own death.
"""

from pathlib import Path
from typing import Any

from common import contract
from common.contract import methods
from common.contract import types as t
from common.secret import Secret
from tests import awaiting
from tests.trove import stores
from trove.bus.fake import FakeBus, FakeEvents, FakeGuests, FakeTopology
from trove.conductor.handler import Handler
from trove.db.commands import Asked, Commands
from trove.db.store import Store
from trove.db.views import Instance, Operation, Scope
from trove.domain.creation import NewInstance, Rules
from trove.providers.fake import FakeProvider
from trove.taskmanager.service import TaskManager
from trove.taskmanager.services import BusEndpoint, Services

PASSWORD = "a-planted-password"
ENDPOINT = BusEndpoint(host="127.0.0.1", port=5671, virtual_host="/", ca_pem="", server_name="localhost")
REPORTS = methods(contract.Conductor)


def make_store(root: Path, url: str = "") -> Store:
    """SQLite in ``root`` unless ``url`` says otherwise; a new one begins as a copy of one with a key of its own."""
    if not url:
        stores.begin(root, {"fake": "1.0"})
    return open_seeded(root, url)


def open_seeded(root: Path, url: str = "") -> Store:
    """As a control plane does it, migrations and all when it is new."""
    return stores.open_seeded(root, {"fake": "1.0"}, url)


def wanted(name: str = "books", **changes: Any) -> NewInstance:
    """What a person asks for in most tests."""
    asked = {"flavor": "1", "volume_gb": 1, "databases": (t.Database(name="shelf"),),
             "users": (t.NewUser(name="reader", password=Secret(PASSWORD), databases=("shelf",)),)}
    return NewInstance(name, **(asked | changes))


class World:
    """``manager`` is not started. ``url`` is of a PostgreSQL database for rows and flows, SQLite files otherwise."""

    def __init__(self, root: Path, executor: str = "one", url: str = "") -> None:
        self.root = root
        self.store = make_store(root, url)
        self.events = FakeEvents()
        self.handler = Handler(self.store, self.events)
        self.bus = FakeBus()
        self.guests = FakeGuests(root / "guests", self.report, self.bus)
        self.provider = FakeProvider(root / "places", self.guests.say_hello)
        self.topology = FakeTopology(root / "topology", self.bus, self.guests.cut)
        self.services = Services(self.store, self.provider, self.topology, self.guests, self.events, ENDPOINT, self.bus)
        self.manager = TaskManager(self.services, url or f"sqlite:///{root}/dbos.sqlite", executor)
        self.project = "p"
        self.commands = Commands(self.store, Rules(default_datastore="fake"), self.manager.wake)

    def report(self, instance_id: str, method: str, value: object) -> None:
        self.handler.handle(instance_id, REPORTS[method], {method: value})

    def create(self, **changes: Any) -> Asked:
        return self.commands.create_instance(self.project, wanted(**changes), request_id="req-1")

    def delete(self, instance_id: str) -> Asked:
        return self.commands.delete_instance(self.project, instance_id, request_id="req-2")

    def restart(self, instance_id: str) -> Asked:
        return self.commands.restart(self.project, instance_id, request_id="req-3")

    def rotate_keys(self, instance_id: str) -> Asked:
        return self.commands.rotate_keys(self.project, instance_id, request_id="req-5")

    def instance(self, instance_id: str) -> Instance:
        return self.commands.get_instance(self.project, instance_id)

    def operation(self, asked: Asked) -> Operation:
        found = self.commands.list_operations(Scope.EVERY_PROJECT, asked.instance_id)
        return next(operation for operation in found if operation.id == asked.operation_id)

    def ended(self, asked: Asked, timeout: float = 40.0) -> Operation:
        """The operation, when it has ended."""
        self.until(lambda: self.operation(asked).ended, timeout)
        return self.operation(asked)

    def until(self, look: Any, timeout: float = 40.0) -> None:
        """Waits for a fact of the store or of the fakes."""
        awaiting.until(look, timeout, "a change in the world", every=0.03)

    def close(self) -> None:
        self.manager.stop()
        self.store.close()
