"""A host that is gone for good: what waits for it ends, its instances can be deleted, and nobody there is heard."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from common.errors import Conflict, HostFailed, NotFound, Unreachable
from tests.trove import machines
from tests.trove.machines import FakeMachines
from tests.trove.world import World
from trove.db import events, spots
from trove.db.hosts import Register
from trove.db.views import Scope
from trove.domain.hosts import HostState
from trove.domain.spots import Spot
from trove.providers.agent import Logging
from trove.providers.ssh.provider import SshProvider
from trove.standalone.hosts import HostDesk
from trove.standalone.upkeep import PlaceKeeper
from trove.standalone.ways import WayKeeper

pytestmark = pytest.mark.slow

AWAY = Unreachable("The host rack1 cannot be reached.", "Look whether it is up.")


class Site:
    """Two instances on rack1, which has answered for the last time."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.world.manager.start()
        self.ways = WayKeeper(self.world.store, self.world.topology)
        self.desk = HostDesk(self.world.store, FakeMachines(), on_state=self.ways.sweep)
        self.desk.add(machines.host("rack1"))
        self.ids = [self._stands(name, 3306 + place) for place, name in enumerate(("one", "two"))]
        delivery = Mock(root="/", **{"transport.run.side_effect": AWAY, "deliver.side_effect": AWAY})
        self.provider = SshProvider(Register(self.world.store), delivery, Mock(), Logging())
        for name in ("place", "unplace"):
            setattr(self.world.services.provider, name, getattr(self.provider, name))

    def _stands(self, name: str, port: int) -> str:
        asked = self.world.create(name=name)
        assert self.world.ended(asked).state == "done"
        with self.world.store.write() as connection:
            spots.store(connection, asked.instance_id, Spot("rack1", "192.0.2.1", port))
        return asked.instance_id

    def told(self, instance_id: str) -> list[str]:
        with self.world.store.read() as connection:
            found = events.page(connection, Scope.EVERY_PROJECT, 100).items
        return [event.sentence for event in found if (event.kind, event.instance_id) == ("host.lost", instance_id)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.world.close()


def test_what_waits_for_it_ends_and_its_instances_can_be_deleted(site: Site) -> None:
    world, (first, second) = site.world, site.ids
    world.guests.mute.add(second)
    deletion, restart = world.delete(first), world.restart(second)
    world.until(lambda: world.operation(deletion).error_code == "unreachable")
    world.until(lambda: world.operation(restart).step == "restart_server")
    site.desk.lose("rack1")
    assert world.ended(deletion).state == "done"
    ended = world.ended(restart)
    assert ended.state == "failed" and "rack1 is lost for good" in (ended.error_message or "")
    assert site.desk.get("rack1").host.state is HostState.LOST, "an instance is known to have stood there"
    assert world.ended(world.restart(second)).state == "failed", "at once, and not after its time"
    assert world.ended(world.delete(second)).state == "done"
    with pytest.raises(NotFound):
        site.desk.get("rack1")
    assert not any(world.topology.exists(each) for each in site.ids)


def test_nobody_there_is_heard_until_it_is_said_to_be_there_after_all(site: Site) -> None:
    topology = site.world.topology
    site.desk.lose("rack1")
    site.ways.sweep()
    assert not any(topology.exists(each) for each in site.ids)
    site.desk.set_state("rack1", HostState.ACTIVE)
    assert all(topology.exists(each) for each in site.ids)


def test_nothing_is_asked_of_it(site: Site) -> None:
    for ask in (lambda: site.provider.placed("rack1"), lambda: site.provider.grow(site.ids[0], "rack1", 2)):
        with pytest.raises(Unreachable):
            ask()
    assert site.provider.hosts() == ("rack1",)
    site.desk.lose("rack1")
    for ask in (lambda: site.provider.placed("rack1"), lambda: site.provider.grow(site.ids[0], "rack1", 2)):
        with pytest.raises(HostFailed, match="lost for good"):
            ask()
    assert site.provider.hosts() == ()
    place = site.world.services.provider.place = Mock()  # type: ignore[method-assign]
    endpoint = dataclasses.replace(site.world.services.endpoint, far=("192.0.2.9", "localhost"))
    keeper = PlaceKeeper(dataclasses.replace(site.world.services, endpoint=endpoint))
    keeper.start()
    keeper.join()
    keeper.stop()
    place.assert_not_called()
    assert site.desk.look("rack1").result(10) is None
    with pytest.raises(Conflict, match="lost for good"):
        site.desk.check("rack1")
    with pytest.raises(Conflict, match="lost for good"):
        site.desk.set_state("rack1", HostState.DRAINING)


def test_whose_instances_stood_there_are_told_once(site: Site) -> None:
    for _ in range(2):
        site.desk.lose("rack1")
    for instance_id in site.ids:
        [sentence] = site.told(instance_id)
        assert sentence == "The host rack1 is lost for good, as its operator said, and the data with it."


def test_an_empty_one_is_removed_as_any_other(site: Site) -> None:
    site.desk.add(machines.host("rack2"))
    site.desk.lose("rack2")
    site.desk.remove("rack2")
    assert [manned.host.name for manned in site.desk.all()] == ["rack1"]
