"""What standalone looks after: places of instances that should run, and the life of its broker."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import HostFailed, Unreachable
from tests.awaiting import until
from tests.trove.world import World
from trove.db import spots
from trove.domain.spots import Spot
from trove.domain.states import Task
from trove.providers.base import Wanted
from trove.standalone.upkeep import BrokerKeeper, PlaceKeeper

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.manager.start()
    yield made
    made.close()


def living(world: World, name: str = "books") -> str:
    asked = world.create(name=name)
    assert world.ended(asked).state == "done"
    return asked.instance_id


def look_after(world: World) -> None:
    keeper = PlaceKeeper(world.services)
    keeper.start()
    keeper.join()
    keeper.stop()


def test_places_that_a_reboot_took_are_made_again(world: World) -> None:
    ids = {living(world, "one"), living(world, "two")}
    for instance_id in ids:
        world.provider.unplace(instance_id, None)
    look_after(world)
    assert world.provider.placed(None) == ids


def test_the_places_of_a_host_that_is_back_are_looked_after_at_once(world: World) -> None:
    here, there = living(world, "here"), living(world, "there")
    with world.store.write() as connection:
        spots.store(connection, there, Spot("rack1", "192.0.2.1", 3306))
    endpoint = dataclasses.replace(world.services.endpoint, far=("192.0.2.9", "localhost"))
    keeper = PlaceKeeper(dataclasses.replace(world.services, endpoint=endpoint))
    keeper.start()
    keeper.join()
    for instance_id in (here, there):
        world.provider.unplace(instance_id, None)
    keeper.host_is_back("rack1")
    until(lambda: world.provider.placed(None), 10, "a place is made again")
    keeper.stop()
    assert world.provider.placed(None) == {there}


def test_one_that_cannot_be_repaired_does_not_keep_others_from_it(world: World) -> None:
    ids = sorted({living(world, "one"), living(world, "two")})
    for instance_id in ids:
        world.provider.unplace(instance_id, None)
    world.services.provider.place = _failing_for(world, ids[0])  # type: ignore[method-assign]
    look_after(world)
    assert world.provider.placed(None) == {ids[1]}


def _failing_for(world: World, instance_id: str):  # type: ignore[no-untyped-def]
    place = world.provider.place

    def failing(wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        if wanted.instance_id == instance_id:
            raise HostFailed("The disk is gone.")
        return place(wanted, bus, keys)

    return failing


def test_what_a_flow_is_making_or_removing_is_left_to_it(world: World) -> None:
    instance_id = living(world)
    world.manager.stop()
    world.delete(instance_id)
    world.provider.unplace(instance_id, None)
    assert world.instance(instance_id).task is Task.DELETING
    world.create(name="another")
    look_after(world)
    assert world.provider.placed(None) == set()


def test_what_is_half_removed_is_not_made_again(world: World) -> None:
    instance_id = living(world)
    world.topology.delete = _broken  # type: ignore[method-assign]
    assert world.ended(world.delete(instance_id)).state == "failed"
    assert world.instance(instance_id).task is Task.DELETE_FAILED
    look_after(world)
    assert world.provider.placed(None) == set()


def _broken(_instance_id: str) -> None:
    raise HostFailed("The broker is broken.")


def test_a_deletion_that_was_faster_has_the_last_word(world: World) -> None:
    instance_id = living(world)
    place = world.provider.place

    def overtaken(wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        assert world.ended(world.delete(instance_id)).state == "done"
        return place(wanted, bus, keys)

    world.services.provider.place = overtaken  # type: ignore[method-assign]
    look_after(world)
    assert world.provider.placed(None) == set()


def test_a_host_that_is_away_is_waited_for_once(world: World) -> None:
    ids = sorted({living(world, "one"), living(world, "two"), living(world, "three")})
    with world.store.write() as connection:
        for instance_id, address in zip(ids[:2], ("192.0.2.1", "192.0.2.2"), strict=True):
            spots.store(connection, instance_id, Spot("rack1", address, 3306))
    place, asked = world.provider.place, []

    def away(wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        asked.append(wanted.instance_id)
        if wanted.found().host == "rack1":
            raise Unreachable("The host rack1 cannot be reached.")
        return place(wanted, bus, keys)

    world.services.provider.place = away  # type: ignore[method-assign]
    world.provider.unplace(ids[2], None)
    endpoint = dataclasses.replace(world.services.endpoint, far=("192.0.2.9", "192.0.2.9"))
    keeper = PlaceKeeper(dataclasses.replace(world.services, endpoint=endpoint))
    keeper.start()
    keeper.join()
    keeper.stop()
    assert asked == [ids[0], ids[2]], "the second on rack1 is left for the next look"
    assert ids[2] in world.provider.placed(None)


class Node:
    """A broker that dies when told to, and refuses to start ``refusals`` times."""

    def __init__(self, refusals: int = 0) -> None:
        self.dead = threading.Event()
        self.refusals = refusals
        self.starts = 0

    def await_end(self, seconds: float) -> bool:
        return self.dead.wait(seconds)

    def start(self) -> None:
        self.starts += 1
        if self.starts <= self.refusals:
            raise HostFailed("Its port is taken.")
        self.dead.clear()

    def renew(self) -> bool:
        return False


@pytest.mark.parametrize("refusals", [0, 2])
def test_a_dead_broker_is_started_until_it_runs(refusals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trove.standalone.upkeep.RETRY_PAUSE", 0.01)
    node = Node(refusals)
    keeper = BrokerKeeper(node)  # type: ignore[arg-type]
    keeper.start()
    node.dead.set()
    until(lambda: node.starts == refusals + 1 and not node.dead.is_set(), 10, "the broker runs again")
    keeper.stop()


def test_a_broker_that_we_let_go_of_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node()
    keeper = BrokerKeeper(node)  # type: ignore[arg-type]
    keeper.start()
    keeper.stop()
    node.dead.set()
    keeper.join(10)
    assert node.starts == 0
