"""The task manager: nudges and their loss, deadlines of steps that hang, leases, the flows of a dead peer."""

import threading
import time
from pathlib import Path

import pytest

from common.errors import Conflict
from tests.trove import postgresql
from tests.trove.world import World
from trove.db import executors, operations
from trove.db.commands import Commands
from trove.domain.creation import Rules
from trove.taskmanager import durable, lease, service, steps


def quiet(world: World) -> Commands:
    """An API whose nudges are lost."""
    return Commands(world.store, Rules(default_datastore="fake"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRACE", "SWEEP"):
        monkeypatch.setattr(service, name, 0.2)


def test_a_lost_nudge_is_found(impatient: None, world: World) -> None:
    world.commands = quiet(world)
    assert world.ended(world.create(), timeout=40).state == "done"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep finds what a nudge should have told."""
    monkeypatch.setattr(service, "SWEEP", 3600.0)


def test_a_nudge_comes_over_the_bus_too(patient: None, world: World) -> None:
    commands = Commands(world.store, Rules(default_datastore="fake"),
                        lambda instance_id, operation_id: world.events.publish(
                            "taskmanager.nudge", instance_id=instance_id, operation_id=operation_id))
    world.commands = commands
    assert world.ended(world.create(), timeout=40).state == "done"


@pytest.mark.server
def test_rows_and_flows_in_postgresql(tmp_path: Path, postgresql_server: str) -> None:
    world = World(tmp_path, url=postgresql.new_database(postgresql_server))
    world.manager.start()
    asked = world.create()
    assert world.ended(asked).state == "done"
    assert world.ended(world.delete(asked.instance_id)).state == "done"
    world.close()


def test_what_was_asked_before_the_start_is_done_at_the_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.commands = quiet(world)
    asked = world.create()
    world.manager.start()
    assert world.ended(asked).state == "done"
    world.close()


@pytest.mark.slow
def test_a_stop_and_a_start_in_the_middle(tmp_path: Path) -> None:
    first = World(tmp_path)
    first.guests.slow.add("prepare")
    first.manager.start()
    asked = first.create()
    first.until(lambda: first.guests.journal(asked.instance_id))
    first.close()
    second = World(tmp_path)
    assert second.operation(asked).state == "running", "a stop is not a failure"
    second.manager.start()
    second.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert second.ended(asked).state == "done"
    second.close()


@pytest.mark.slow
def test_no_step_begins_once_it_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = World(tmp_path)
    hanging, let_go = threading.Event(), threading.Event()

    def hang(instance_id: str, password: object) -> None:
        hanging.set()
        assert let_go.wait(30)

    monkeypatch.setattr(first.topology, "create", hang)
    first.manager.start()
    asked = first.create()
    assert hanging.wait(10)
    stopping = threading.Thread(target=first.manager.stop)
    stopping.start()
    first.until(lambda: first.services.signals.stopping)
    let_go.set()
    stopping.join()
    assert first.provider.placed() == frozenset()
    first.store.close()
    second = World(tmp_path)
    second.manager.start()
    assert second.ended(asked).state == "done"
    second.close()


@pytest.mark.slow
def test_an_upgrade_with_a_flow_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next release has one step more, right before the last: a flow that the old one began does it too."""
    old = World(tmp_path)
    old.guests.slow.add("prepare")
    old.manager.start()
    asked = old.create()
    old.until(lambda: old.guests.journal(asked.instance_id))
    old.close()
    greeted: list[str] = []

    @steps.step("Greets.", patience=5)
    def greet(work: steps.Work) -> None:
        greeted.append(work.instance_id)

    class Upgraded(steps.Run):
        def succeed(self) -> None:
            self(greet)
            super().succeed()

    monkeypatch.setattr(durable, "Run", Upgraded)
    new = World(tmp_path)
    new.manager.start()
    new.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert new.ended(asked).state == "done"
    assert greeted == [asked.instance_id]
    new.close()


def test_a_step_that_hangs_in_a_call_does_not_stay_in_build(impatient: None, world: World,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, let_go = threading.Event(), threading.Event()

    def hang(instance_id: str, password: object) -> None:
        hanging.set()
        let_go.wait(30)

    monkeypatch.setattr(world.topology, "create", hang)
    asked = world.create()
    assert hanging.wait(10)
    with world.store.write() as connection:
        connection.exec_driver_sql("UPDATE operations SET deadline = 1.0")
    ended = world.ended(asked, timeout=40)
    assert (ended.state, ended.error_code) == ("failed", "deadline")
    assert world.instance(asked.instance_id).status == "ERROR"
    let_go.set()
    assert world.ended(world.delete(asked.instance_id)).state == "done"


def test_a_second_process_under_the_same_name_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "own_holder", lambda: "another-boot/1/1")
    with pytest.raises(Conflict, match="called one runs already"):
        lease.take(world.store, "one")


def test_the_lease_of_a_process_that_is_gone_is_free_at_once(world: World) -> None:
    boot, _, _ = lease.own_holder().split("/")
    with world.store.write() as connection:
        executors.take(connection, "two", f"{boot}/1/12345678901234567890", time.time() + 1000)
    assert lease.take(world.store, "two") == lease.own_holder()


def test_a_lease_that_ran_out_has_one_heir(world: World) -> None:
    with world.store.write() as connection:
        executors.take(connection, "dead", "x/1/1", time.time() - 1)
    with world.store.write() as connection:
        assert executors.expired(connection, time.time()) == ("dead",)
        assert executors.adopt(connection, "dead", "one", time.time(), 60)
        assert not executors.adopt(connection, "dead", "three", time.time(), 60)


@pytest.mark.slow
def test_a_peer_goes_on_with_the_flows_of_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = World(tmp_path, executor="one")
    first.guests.slow.add("prepare")
    first.manager.start()
    asked = first.create()
    first.until(lambda: first.guests.journal(asked.instance_id))
    first.close()
    with first.store.write() as connection:
        executors.take(connection, "one", "another-boot/1/1", time.time() - 1)
    first.store.close()
    second = World(tmp_path, executor="two")
    second.manager.start()
    second.until(lambda: second.operation(asked).executor_id == "two")
    second.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert second.ended(asked).state == "done"
    with second.store.read() as connection:
        assert operations.running_of(connection, "one") == ()
    second.close()


def test_who_lost_the_lease_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SWEEP", 0.2)
    world = World(tmp_path)
    lost = threading.Event()
    manager = service.TaskManager(world.services, f"sqlite:///{tmp_path}/dbos.sqlite", "one", lost.set)
    manager.start()
    with world.store.write() as connection:
        executors.take(connection, "one", "another-boot/1/1", time.time() + 1000)
    assert lost.wait(10)
    world.commands = quiet(world)
    asked = world.create()
    manager.stop()
    assert world.operation(asked).state == "asked"
    with world.store.read() as connection:
        assert executors.holder(connection, "one", time.time()) == "another-boot/1/1", "it is not ours to let go"
    world.close()
