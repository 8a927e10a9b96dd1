"""The real API over a real store, on a loopback port; guests in memory, and a task manager that is done at once."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from common.contract import types as t
from tests.trove.api import world
from tests.trove.machines import FakeMachines
from trove.api import app, server
from trove.api.fake_guests import FakeGuest, FakeGuests
from trove.bus.bell import Bell
from trove.cli.rest import Client
from trove.db import instances, observations, spots
from trove.db.commands import Commands
from trove.db.store import Store
from trove.db.views import Scope
from trove.domain.spots import Spot
from trove.domain.states import Event, Task
from trove.standalone.hosts import HostDesk

DONE = {Task.BUILDING: Event.BUILT, Task.RESTARTING: Event.RESTARTED, Task.DELETING: Event.REMOVED}
BROKEN = {Task.BUILDING: Event.BUILD_BROKE, Task.RESTARTING: Event.RESTART_BROKE, Task.DELETING: Event.DELETE_BROKE}


@dataclass
class Works:
    """Ends what is asked for as soon as it is asked for: well, or with ``fault``; when ``idle``, not at all."""

    store: Store
    guests: FakeGuests = field(default_factory=FakeGuests)
    fault: str = ""
    idle: bool = False
    hosts: Iterator[int] = field(default_factory=lambda: itertools.count(9))

    def wake(self, instance_id: str, _operation_id: str | None) -> None:
        if self.idle:
            return
        with self.store.write() as connection:
            task = instances.locked(connection, Scope.EVERY_PROJECT, instance_id).task
            edge = instances.move(connection, instance_id, task, (BROKEN if self.fault else DONE)[Task(task)])
            if self.fault:
                instances.set_fault(connection, instance_id, self.fault, "")
            elif edge.target is Task.DELETED:
                instances.set_deleted(connection, instance_id)
            else:
                if edge.source is Task.BUILDING:
                    spots.store(connection, instance_id, Spot(None, f"127.64.0.{next(self.hosts)}", 3306))
                _beat(connection, instance_id)


@dataclass
class Served:
    """``project``: one of a test's own, so that tests share the server and do not meet."""

    endpoint: str
    works: Works
    machines: FakeMachines
    project: str = ""

    @property
    def client(self) -> Client:
        return Client(self.endpoint, self.project)

    def instance(self, name: str = "orders") -> tuple[str, FakeGuest]:
        """One that serves, and its guest."""
        wanted = {"name": name, "flavorRef": "1", "volume": {"size": 1}}
        instance_id = self.client.post("/instances", {"instance": wanted})["instance"]["id"]
        return instance_id, self.works.guests.of(instance_id)


def _beat(connection: object, instance_id: str) -> None:
    now = time.time()
    stamp = t.Stamp(key_epoch=1, boot_count=1, sequence=time.monotonic_ns())
    beat = t.Heartbeat(stamp=stamp, status=t.ServiceStatus.HEALTHY, sentence="It is so.", sent_at=now)
    assert observations.accept_heartbeat(connection, instance_id, beat, now)


@contextmanager
def serving(directory: Path) -> Iterator[Served]:
    store = world.make_store(directory)
    works = Works(store)
    bell = Bell()
    store.on_events = bell.ring
    machines = FakeMachines()
    application = app.create_app(Commands(store, world.RULES, works.wake), works.guests, HostDesk(store, machines),
                                 bell=bell)
    listening = server.Server(application, "127.0.0.1", 0)
    listening.start()
    try:
        yield Served(f"http://127.0.0.1:{listening.port}", works, machines)
    finally:
        bell.close()
        listening.stop()
        store.close()
