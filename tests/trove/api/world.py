"""The API over a real store and guests in memory, and a client for it."""

import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import falcon.testing

from common.contract import types as t
from tests.trove import stores
from tests.trove.machines import FakeMachines
from trove.api import app, policy
from trove.api.fake_guests import FakeGuest, FakeGuests
from trove.api.settings import DEFAULTS, Settings
from trove.db import instances, observations
from trove.db.commands import Commands
from trove.db.store import Store
from trove.domain.creation import Rules
from trove.domain.states import Event, Task
from trove.metrics.figures import Figures
from trove.standalone.hosts import HostDesk

RULES = Rules(max_instances=-1, max_volumes=-1, max_volume_gb=100)


@dataclass
class World:
    store: Store
    guests: FakeGuests
    commands: Commands
    desk: HostDesk
    machines: FakeMachines
    client: falcon.testing.TestClient
    woken: list[tuple[str, str | None]]
    project: str
    figures: Figures = field(default_factory=Figures)

    def anew(self) -> "World":
        """The same application for a project of its own; nobody was woken, and every machine is well."""
        self.woken.clear()
        self.machines.heal()
        return replace(self, project=uuid.uuid4().hex)

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> falcon.testing.Result:
        """``path`` below the project, encoded; ``body`` as JSON."""
        if body is not None:
            options["json"] = body
        return self.client.simulate_request(method, f"/v1.0/{self.project}{path}", **options)

    def create(self, name: str = "one", **members: Any) -> dict[str, Any]:
        wanted = {"name": name, "flavorRef": "1", "volume": {"size": 2}} | members
        answer = self.ask("POST", "/instances", {"instance": wanted})
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json["instance"]
        return view

    def serving(self, **members: Any) -> tuple[str, FakeGuest]:
        """An instance that is ACTIVE and HEALTHY, and its guest."""
        instance_id = self.create(**members)["id"]
        self.build(instance_id)
        self.observe(instance_id, t.ServiceStatus.HEALTHY)
        return instance_id, self.guests.of(instance_id)

    def build(self, instance_id: str) -> None:
        with self.store.write() as connection:
            instances.move(connection, instance_id, Task.BUILDING, Event.BUILT)

    def fail(self, instance_id: str, message: str, details: str) -> None:
        with self.store.write() as connection:
            instances.move(connection, instance_id, Task.BUILDING, Event.BUILD_BROKE)
            instances.set_fault(connection, instance_id, message, details)

    def observe(self, instance_id: str, status: t.ServiceStatus, age: float = 0.0,
                waiting: tuple[str, ...] = ()) -> None:
        """A heartbeat that arrived ``age`` seconds ago."""
        now = time.time() - age
        stamp = t.Stamp(key_epoch=1, boot_count=1, sequence=int(time.monotonic() * 1000))
        beat = t.Heartbeat(stamp=stamp, status=status, sentence="It is so.", sent_at=now, waiting=waiting)
        with self.store.write() as connection:
            assert observations.accept_heartbeat(connection, instance_id, beat, now)


def make_store(directory: Path) -> Store:
    stores.begin(directory, {"mariadb": "10.11"})
    return stores.open_seeded(directory, {"mariadb": "10.11"})


def make_world(store: Store, settings: Settings = DEFAULTS, rules: policy.Policy | None = None) -> World:
    """In a project of its own, so that worlds may share a store."""
    guests, woken = FakeGuests(), []
    commands = Commands(store, RULES, lambda instance_id, operation_id: woken.append((instance_id, operation_id)))
    figures = Figures()
    machines = FakeMachines()
    desk = HostDesk(store, machines)
    application = app.create_app(commands, guests, desk, settings, rules, figures)
    return World(store, guests, commands, desk, machines, falcon.testing.TestClient(application), woken,
                 uuid.uuid4().hex, figures)
