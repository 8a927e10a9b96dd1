"""Looks at hosts: side by side, bounded for whoever waits, told to those whose instances stand there."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
import sqlalchemy

from common.errors import DeadlinePassed, HostFailed, NotFound
from tests.awaiting import until
from tests.trove import machines
from tests.trove.machines import FACTS, FakeMachines
from tests.trove.world import make_store, wanted
from trove.db import catalog, events, hosts, schema, spots
from trove.db.commands import Commands
from trove.db.store import Store
from trove.db.views import Scope
from trove.domain.creation import Rules
from trove.domain.hosts import Facts, Host
from trove.domain.spots import Spot
from trove.standalone import hosts as standalone
from trove.standalone.hosts import HostDesk, HostKeeper
from trove.standalone.looks import AT_ONCE, Looks


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = make_store(tmp_path)
    yield made
    made.close()


class Site:
    """A desk with hosts, an instance on each, and what was said of it."""

    def __init__(self, store: Store, *names: str) -> None:
        self.store, self.machines, self.back = store, FakeMachines(), list[str]()
        self.desk = HostDesk(store, self.machines, self.back.append)
        for number, name in enumerate(names):
            self.desk.add(machines.host(name))
            asked = Commands(store, Rules(default_datastore="fake")).create_instance("p", wanted(name), request_id="r")
            with store.write() as connection:
                spots.store(connection, asked.instance_id, Spot(name, "192.0.2.1", 3306 + number))

    def told(self) -> list[tuple[str, str]]:
        """Kind and instance's name of the events of hosts."""
        with self.store.read() as connection:
            found = events.page(connection, Scope.EVERY_PROJECT, 100).items
        return [(event.kind, event.instance_name) for event in found if event.kind.startswith("host.")]


def test_a_host_that_falls_ill_is_told_once_and_again_when_it_is_back(store: Store) -> None:
    site = Site(store, "a", "b")
    site.machines.down.add("a.example")
    for _ in range(2):
        assert "Nobody answers" in site.desk.check("a").host.problem
        site.desk.check("b")
    assert (site.told(), site.back) == ([("host.lost", "a")], [])
    site.machines.wrong["a.example"] = HostFailed("There is no rsync.")
    site.machines.down.clear()
    site.desk.check("a")
    assert site.told() == [("host.lost", "a")]
    site.machines.wrong.clear()
    for _ in range(2):
        site.desk.check("a")
    assert (site.told(), site.back) == ([("host.lost", "a"), ("host.back", "a")], ["a"])


def test_a_start_between_two_looks_is_seen(store: Store) -> None:
    site = Site(store, "a")
    site.machines.facts = msgspec.structs.replace(FACTS, boot_id="another")
    site.desk.check("a")
    assert (site.told(), site.back) == ([("host.back", "a")], ["a"])


def test_a_host_without_instances_tells_nobody(store: Store) -> None:
    site = Site(store, "a")
    with store.write() as connection:
        connection.execute(sqlalchemy.update(schema.instances).values(deleted_at=1.0))
    site.machines.down.add("a.example")
    assert site.desk.check("a").host.problem
    assert site.told() == []


def test_what_a_host_has_may_be_asked_for(store: Store) -> None:
    with pytest.raises(NotFound), store.read() as connection:
        catalog.datastore(connection, "mariadb")
    site = Site(store)
    site.machines.facts = msgspec.structs.replace(FACTS, engines={"mariadb": ("10.11", "4.1")})
    site.desk.add(machines.host("a"))
    with store.read() as connection:
        assert [version.name for version in catalog.datastore(connection, "mariadb").versions] == ["10.11"]


def test_an_ill_host_that_is_heard_of_is_looked_at_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(store, "a", "b")
    with store.read() as connection:
        [there] = hosts.standing(connection, "a")
    for heard in (lambda: site.desk.heard("a"), lambda: site.desk.heard_from(there)):
        site.machines.down.add("a.example")
        monkeypatch.setattr(standalone, "BREATH", 1000.0)
        site.desk.check("a")
        site.machines.down.clear()
        looks = len(site.machines.asked)
        heard()
        site.desk.heard("b")
        assert len(site.machines.asked) == looks, "just looked at the one, and nothing was wrong with the other"
        monkeypatch.setattr(standalone, "BREATH", 0.0)
        heard()
        until(site.back.copy, 10, "it is well")
        site.desk.heard("a")
        site.desk.heard_from(there)
        assert len(site.machines.asked) == looks + 1
        assert site.back == ["a"]
        site.back.clear()


class Hanging(FakeMachines):
    """Machines that answer when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.looks = threading.Event(), 0

    def look(self, host: Host, binaries: Sequence[tuple[str, str]] = ()) -> Facts:
        self.looks += 1
        assert self.go.wait(20)
        return super().look(host, binaries)


def test_whoever_asks_waits_so_long_and_the_look_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "PATIENCE", 0.05)
    hanging = Hanging()
    desk = HostDesk(store, hanging)
    assert desk.add(machines.host("a")).host.checked_at is None
    with pytest.raises(DeadlinePassed, match="takes longer") as late:
        desk.check("a")
    assert "trovectl host show a" in late.value.hint and hanging.looks == 1
    hanging.go.set()
    until(lambda: desk.get("a").host.facts == FACTS, 10, "the look is noted")


def test_a_host_that_is_forgotten_meanwhile_stays_so(store: Store) -> None:
    hanging = Hanging()
    desk = HostDesk(store, hanging)
    with store.write() as connection:
        hosts.add(connection, machines.host("a"))
    look = desk.look("a")
    desk.remove("a")
    hanging.go.set()
    with pytest.raises(NotFound):
        look.result(10)
    assert desk.all() == ()


def test_the_keeper_looks_at_every_host_at_once_and_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "CHECK_EVERY", 0.02)
    site = Site(store, "a", "b")
    site.machines.down |= {"a.example", "b.example"}
    keeper = HostKeeper(site.desk)
    keeper.start()
    until(lambda: len(site.told()) == 2, 10, "both are ill")
    site.machines.down.clear()
    until(lambda: sorted(site.back) == ["a", "b"], 10, "both are back")
    keeper.stop()


def _counting(hold: threading.Event, seen: list[str]) -> Callable[[str], None]:
    def look(name: str) -> None:
        seen.append(name)
        assert hold.wait(20)

    return look


def test_only_so_many_looks_at_a_time_and_none_twice() -> None:
    hold, seen = threading.Event(), list[str]()
    looks = Looks(_counting(hold, seen))
    begun = [looks.at(str(number % (AT_ONCE + 3))) for number in range(2 * AT_ONCE)]
    until(lambda: len(seen) == AT_ONCE, 10, "as many look as may")
    assert not any(each.done() for each in begun)
    hold.set()
    for each in begun:
        each.result(10)
    assert sorted(seen, key=int) == [str(number) for number in range(AT_ONCE + 3)]


def test_a_look_that_breaks_breaks_no_other() -> None:
    def look(name: str) -> None:
        if name == "bad":
            raise ValueError(name)

    looks = Looks(look)
    with pytest.raises(ValueError, match="bad"):
        looks.at("bad").result(10)
    looks.at("good").result(10)
    with pytest.raises(ValueError, match="bad"):
        looks.at("bad").result(10)
