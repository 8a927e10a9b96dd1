"""Places that are there although their instances are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import HostFailed, Unreachable
from tests.awaiting import until
from tests.trove.world import World
from trove.standalone import remains

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.manager.start()
    yield made
    made.close()


def come_back(world: World, instance_id: str) -> None:
    """As when an order to make the place was carried out too late."""
    (world.root / "places" / f"{instance_id}.json").write_text("{}")


def deleted(world: World) -> str:
    asked = world.create()
    assert world.ended(asked).state == "done"
    assert world.ended(world.delete(asked.instance_id)).state == "done"
    return asked.instance_id


def test_only_what_belongs_to_a_deleted_instance_goes(world: World) -> None:
    living = world.create(name="lives")
    assert world.ended(living).state == "done"
    gone, unknown = deleted(world), "0e3a1c2b-0000-4000-8000-000000000000"
    for each in (gone, unknown):
        come_back(world, each)
    remains.RemainsKeeper(world.store, world.provider).sweep()
    assert world.provider.placed(None) == {living.instance_id, unknown}


def test_a_host_that_is_away_keeps_no_other_from_being_swept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = deleted(world)
    come_back(world, gone)
    placed = world.provider.placed

    def look(host: str | None) -> frozenset[str]:
        if host == "rack1":
            raise Unreachable("The host rack1 cannot be reached.")
        return placed(host)

    monkeypatch.setattr(world.provider, "hosts", lambda: ("rack1", None))
    monkeypatch.setattr(world.provider, "placed", look)
    remains.RemainsKeeper(world.store, world.provider).sweep()
    assert placed(None) == frozenset()


def test_it_looks_when_it_is_woken(world: World) -> None:
    gone = deleted(world)
    keeper = remains.RemainsKeeper(world.store, world.provider)
    keeper.start()
    come_back(world, gone)
    keeper.wake()
    until(lambda: not world.provider.placed(None), 10, "the place is gone")
    keeper.stop()


def test_it_looks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "SWEEP", 0.05)
    gone = deleted(world)
    world.provider.fails["unplace"] = HostFailed("The disk is away.")
    come_back(world, gone)
    keeper = remains.RemainsKeeper(world.store, world.provider)
    keeper.start()
    del world.provider.fails["unplace"]
    until(lambda: not world.provider.placed(None), 10, "the place is gone")
    come_back(world, gone)
    until(lambda: not world.provider.placed(None), 10, "it is gone again")
    keeper.stop()
