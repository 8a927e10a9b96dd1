"""The register of hosts, and who gets what is left of them, on both stores."""

import threading
from unittest.mock import Mock

import msgspec
import pytest
from sqlalchemy import update

from common.errors import Conflict, NoSpace, NotFound
from tests.trove.domain.test_placement import host
from tests.trove.world import wanted
from trove.db import hosts, instances, schema, spots
from trove.db.commands import Commands
from trove.db.hosts import Register
from trove.db.store import Store
from trove.domain.creation import Rules
from trove.domain.hosts import Host, HostState
from trove.domain.placement import RESERVE_MB
from trove.domain.spots import Spot
from trove.providers.agent import Logging
from trove.providers.ssh.provider import SshProvider
from trove.taskmanager import create


def register(store: Store, *added: Host) -> Register:
    with store.write() as connection:
        for one in added:
            hosts.add(connection, one)
    return Register(store)


def stand(store: Store, commands: Commands, spot: Spot) -> str:
    instance_id = commands.create_instance("p", wanted(), request_id="r").instance_id
    with store.write() as connection:
        spots.store(connection, instance_id, spot)
    return instance_id


def test_a_host_is_found_as_it_was_registered(store: Store) -> None:
    known = register(store, host("b"), host("a", seen=False))
    assert known.all() == (host("a", seen=False), host("b"))
    assert known.get("b") == host("b")
    with pytest.raises(NotFound, match="There is no host c"):
        known.get("c")


@pytest.mark.parametrize("second", [host("a"), msgspec.structs.replace(host("b"), address="a.example")])
def test_name_and_address_belong_to_one_host(store: Store, second: Host) -> None:
    register(store, host("a"))
    with pytest.raises(Conflict, match="is another host's"):
        register(store, second)
    assert Register(store).all() == (host("a"),)


def test_a_look_that_failed_keeps_what_was_seen_before(store: Store) -> None:
    known = register(store, host("a"))
    with store.write() as connection:
        hosts.note_check(connection, "a", None, "It does not answer.")
    found = known.get("a")
    assert (found.problem, found.facts) == ("It does not answer.", host("a").facts)
    with store.write() as connection:
        hosts.note_check(connection, "a", host("a", memory_mb=4096).facts, "")
    found = known.get("a")
    assert (found.problem, found.facts) == ("", host("a", memory_mb=4096).facts)


def test_its_state_is_kept(store: Store) -> None:
    known = register(store, host("a"))
    with store.write() as connection:
        hosts.set_state(connection, "a", HostState.DRAINING)
        with pytest.raises(NotFound):
            hosts.set_state(connection, "b", HostState.DRAINING)
    assert known.get("a").state is HostState.DRAINING


def test_a_host_stays_while_an_instance_stands_there(store: Store, commands: Commands) -> None:
    known = register(store, host("a"), host("b"))
    instance_id = stand(store, commands, Spot("a", "a.db.example", 3306))
    with store.write() as connection:
        assert hosts.standing(connection, "a") == [instance_id]
        with pytest.raises(Conflict, match=f"stand 1 instances: {instance_id}"):
            hosts.remove(connection, "a")
        hosts.remove(connection, "b")
        with pytest.raises(NotFound):
            hosts.remove(connection, "b")
    with store.write() as connection:
        connection.execute(update(schema.instances).values(deleted_at=1.0))
    with store.write() as connection:
        hosts.remove(connection, "a")
    assert known.all() == ()


def test_a_lost_host_goes_with_its_last_instance(store: Store, commands: Commands) -> None:
    known = register(store, host("a"), host("b"))
    first, second = (stand(store, commands, Spot("a", "a.db.example", port)) for port in (3306, 3307))
    elsewhere = stand(store, commands, Spot("b", "b.db.example", 3306))
    with store.write() as connection:
        hosts.forget_emptied(connection, first)
        hosts.lose(connection, "a")
        assert hosts.stranded(connection) == {first, second}
        assert [hosts.lost_under(connection, each) for each in (first, second, elsewhere)] == ["a", "a", None]
        assert not hosts.note_check(connection, "a", host("a").facts, "")
    for gone, left in ((first, ["a", "b"]), (elsewhere, ["a", "b"]), (second, ["b"])):
        with store.write() as connection:
            instances.set_deleted(connection, gone)
            hosts.forget_emptied(connection, gone)
        assert [each.name for each in known.all()] == left


def test_what_stands_on_a_host_is_told_with_it(store: Store, commands: Commands) -> None:
    instance_id = stand(store, commands, Spot("a", "a.db.example", 3307))
    with store.read() as connection:
        (found,) = spots.loads(connection)
    assert (found.instance_id, found.spot) == (instance_id, Spot("a", "a.db.example", 3307))
    assert commands.get_instance("p", instance_id).spot == Spot("a", "a.db.example", 3307)


def with_fake(name: str, memory_mb: int) -> Host:
    made = host(name, memory_mb)
    assert made.facts is not None
    return msgspec.structs.replace(made, facts=msgspec.structs.replace(made.facts, engines={"fake": ("1.0",)}))


def test_many_creations_at_once_never_get_more_than_there_is(store: Store) -> None:
    """By the flow's own step and the provider of hosts, which choose and store in one transaction."""
    known = register(store, with_fake("a", RESERVE_MB + 3 * 1024), with_fake("b", RESERVE_MB + 2 * 1024))
    commands = Commands(store, Rules(default_datastore="fake", max_instances=-1, max_volumes=-1))
    provider = SshProvider(known, Mock(), Mock(), Logging())
    asked = [commands.create_instance("p", wanted(flavor="2"), request_id="r").instance_id for _ in range(20)]
    begun, refused = threading.Barrier(len(asked)), list[str]()

    def place(instance_id: str) -> None:
        work = Mock(write=store.write, instance=lambda: commands.get_instance("p", instance_id))
        work.services.provider = provider
        begun.wait(30)
        try:
            create.find_spot.body(work)
        except NoSpace as error:
            refused.append(error.message)

    threads = [threading.Thread(target=place, args=(each,)) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as connection:
        placed = spots.loads(connection)
    assert sorted((load.spot.host, load.spot.port) for load in placed) == [
        ("a", 3306), ("a", 3307), ("a", 3308), ("b", 3306), ("b", 3307)]
    assert len(refused) == 15 and all("has 0 MB of memory left" in said for said in refused)
