"""Guests' ways on a broker that has lost them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awaiting import until
from tests.trove.world import World
from trove.standalone import ways

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


def lose(world: World, instance_id: str) -> None:
    (world.root / "topology" / instance_id).unlink()


def test_the_ways_of_living_instances_are_made_again(world: World) -> None:
    ids = [living(world, "one"), living(world, "two")]
    for instance_id in ids:
        lose(world, instance_id)
    ways.WayKeeper(world.store, world.topology).sweep()
    assert all(world.topology.exists(each) for each in ids)


def test_what_a_flow_is_making_or_removing_is_left_to_it(world: World) -> None:
    going = living(world)
    world.manager.stop()
    world.delete(going)
    lose(world, going)
    coming = world.create(name="another").instance_id
    ways.WayKeeper(world.store, world.topology).sweep()
    assert not world.topology.exists(going)
    assert not world.topology.exists(coming)


def test_a_deletion_that_was_faster_has_the_last_word(world: World) -> None:
    instance_id = living(world)
    lose(world, instance_id)
    create = world.topology.create

    def create_too_late(which: str, password: object) -> None:
        assert world.ended(world.delete(which)).state == "done"
        create(which, password)  # type: ignore[arg-type]

    world.topology.create = create_too_late  # type: ignore[method-assign,assignment]
    ways.WayKeeper(world.store, world.topology).sweep()
    assert not world.topology.exists(instance_id)


def test_a_new_connection_is_reason_to_look_again(world: World) -> None:
    instance_id = living(world)
    keeper = ways.WayKeeper(world.store, world.topology)
    world.bus.connected = False
    keeper.start()
    try:
        lose(world, instance_id)
        world.bus.connected = True
        keeper.wake()
        until(lambda: world.topology.exists(instance_id), 10, "the way is there again")
    finally:
        keeper.stop()
