"""The task manager: nudges and their loss, deadlines of steps that hang, the flows of a dead peer, a lost lease."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.trove import postgresql
from tests.trove.world import World
from trove.db import executors
from trove.db.commands import Commands
from trove.db.store import Store
from trove.domain.creation import Rules
from trove.domain.spots import Spot
from trove.taskmanager import lease, service
from trove.taskmanager.signals import Signals, Stopping

pytestmark = pytest.mark.slow


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

    look = first.provider.find_spot

    def hang(*asked: Any) -> Spot:
        hanging.set()
        assert let_go.wait(30)
        return look(*asked)

    monkeypatch.setattr(first.provider, "find_spot", hang)
    first.manager.start()
    asked = first.create()
    assert hanging.wait(10)
    stopping = threading.Thread(target=first.manager.stop)
    stopping.start()
    first.until(lambda: first.services.signals.stopping)
    let_go.set()
    stopping.join()
    assert first.provider.placed(None) == frozenset()
    first.store.close()
    second = World(tmp_path)
    second.manager.start()
    assert second.ended(asked).state == "done"
    second.close()


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


def lease_of(store: Store, name: str) -> executors.Lease:
    with store.read() as connection:
        return next(each for each in executors.others(connection, "nobody") if each.executor.startswith(f"{name}@"))


def take_away(store: Store, name: str) -> None:
    """As a peer on another machine does."""
    peer = executors.Lease("peer@1", "another-boot/1/1", time.time() + 1000)
    with store.write() as connection:
        assert executors.take_over(connection, lease_of(store, name), peer, time.time() + 60)


@pytest.mark.slow
def test_a_peer_goes_on_with_the_flows_of_a_dead_one(tmp_path: Path) -> None:
    first = World(tmp_path, executor="one")
    first.guests.slow.add("prepare")
    first.manager.start()
    asked = first.create()
    first.until(lambda: first.guests.journal(asked.instance_id))
    first.close()
    second = World(tmp_path, executor="two")
    second.manager.start()
    second.until(lambda: str(second.operation(asked).executor_id).startswith("two@"))
    second.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert second.ended(asked).state == "done"
    assert len(second.guests.journal(asked.instance_id)) == 1
    with second.store.read() as connection:
        left = [each.executor.partition("@")[0] for each in executors.others(connection, "nobody")]
    assert left == ["two"]
    second.close()


def test_who_lost_the_lease_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SWEEP", 0.2)
    world = World(tmp_path)
    lost = threading.Event()
    manager = service.TaskManager(world.services, f"sqlite:///{tmp_path}/dbos.sqlite", "one", lost.set)
    manager.start()
    take_away(world.store, "one")
    assert lost.wait(10)
    world.commands = quiet(world)
    asked = world.create()
    manager.stop()
    assert world.operation(asked).state == "asked"
    assert lease_of(world.store, "one").holder == "another-boot/1/1", "it is not ours to let go"
    world.close()


@pytest.mark.slow
def test_who_woke_without_a_lease_writes_nothing(patient: None, world: World) -> None:
    """It stood still in the middle of a step, and a peer has taken the flow over meanwhile."""
    world.guests.slow.add("prepare")
    asked = world.create()
    world.until(lambda: world.guests.journal(asked.instance_id))
    take_away(world.store, "one")
    before = world.operation(asked)
    world.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    world.manager.wake(asked.instance_id, None)
    world.until(lambda: world.manager.flows_under_way == 0)
    after = world.operation(asked)
    assert (after.state, after.step, after.executor_id) == ("running", before.step, "peer@1")


def test_nobody_acts_between_the_end_of_a_lease_and_the_verdict() -> None:
    signals = Signals()
    went_on: list[str] = []

    def act(word: str) -> None:
        try:
            signals.require()
            went_on.append(word)
        except Stopping:
            went_on.append("stopped")

    signals.allow(lease.clock() - 1.0)
    waiting = threading.Thread(target=act, args=("renewed",))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive() and went_on == []
    signals.allow(lease.clock() + lease.DURATION)
    waiting.join(5.0)
    assert went_on == ["renewed"]


@pytest.mark.server
def test_a_flow_outlives_the_absence_of_its_store(tmp_path: Path) -> None:
    with postgresql.server() as maintenance:
        world = World(tmp_path, url=postgresql.new_database(maintenance))
        world.guests.slow.add("prepare")
        world.manager.start()
        asked = world.create()
        world.until(lambda: world.guests.journal(asked.instance_id))
        with postgresql.away(maintenance):
            world.manager.wake(asked.instance_id, None)  # it looks, and finds nothing to look at
            threading.Event().wait(3.0)
        world.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
        assert world.ended(asked, 60).state == "done"
        world.close()
