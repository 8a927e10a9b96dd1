"""What ``trovectl down --destroy`` takes from a host: its own, and nothing of another installation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import Unreachable
from tests.trove.world import World
from trove.cli import removal
from trove.db import spots
from trove.domain.spots import Spot


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def own(world: World) -> tuple[frozenset[str], list[str]]:
    told: list[str] = []
    return removal._own(world.store, world.provider, "rack1", told.append), told


def test_another_installations_instances_stay(world: World) -> None:
    asked = world.create()
    foreign = "0e3a1c2b-0000-4000-8000-000000000000"
    for instance_id in (asked.instance_id, foreign):
        (world.root / "places" / f"{instance_id}.json").write_text("{}")
    assert own(world) == (frozenset({asked.instance_id}), [])


def test_a_host_that_is_away_is_passed_over_only_when_nothing_stands_there(world: World,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    def away(host: str | None) -> frozenset[str]:
        raise Unreachable("The host rack1 cannot be reached.")

    monkeypatch.setattr(world.provider, "placed", away)
    ids, told = own(world)
    assert ids == frozenset() and told[0].startswith("The host rack1 cannot be reached.")
    asked = world.create()
    with world.store.write() as connection:
        spots.store(connection, asked.instance_id, Spot("rack1", "192.0.2.1", 3306))
    with pytest.raises(Unreachable):
        own(world)
