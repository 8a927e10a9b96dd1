"""Instances on hosts, from an empty machine to an empty machine, with nothing of ours there before."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.awaiting import until
from tests.hosts import kinds
from tests.hosts.fleet import Fleet, fleet
from tests.hosts.host import Host
from tests.hosts.network import Network, network
from tests.hosts.roots import PACKAGES
from tests.installation import CommandFailed

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]


@pytest.fixture(scope="module")
def ground() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def plain(ground: Network) -> Iterator[Host]:
    with kinds.plain_host(ground, "plain") as made:
        yield made


@pytest.fixture(scope="module")
def booted(ground: Network) -> Iterator[Host]:
    """Its owner installs what instances need, with the machine's own package manager."""
    with kinds.systemd_host(ground, "booted") as made:
        made.ssh("sudo", "apt-get", "--quiet", "--yes", "install", *PACKAGES)
        yield made


@pytest.fixture(scope="module")
def people(ground: Network, plain: Host, booted: Host) -> Iterator[Fleet]:
    """Taken away before the hosts are."""
    with fleet(ground) as made:
        yield made


@contextmanager
def registered(people: Fleet, *hosts: Host) -> Iterator[None]:
    """What a failed test leaves on them goes with the installation."""
    for host in hosts:
        people.register(host)
    yield
    for host in hosts:
        people.installed.trovectl("host", "remove", host.name)


@pytest.mark.parametrize("kind", ["plain", "booted"])
def test_a_life(people: Fleet, kind: str, request: pytest.FixtureRequest) -> None:
    host: Host = request.getfixturevalue(kind)
    with registered(people, host):
        instance = str(people.installed.openstack(
            "database", "instance", "create", "orders", "--flavor", "1", "--size", "1", "--datastore", "mariadb",
            "--datastore-version", "10.11", "--databases", "shop", "--users", "anna:secret-anna")["id"])
        shown = people.installed.healthy(instance)
        people.sql(shown, "CREATE TABLE kept (id INT); INSERT INTO kept VALUES (1)")
        no_file_of_the_control_plane_is_there(host)
        everything_outlives_a_reboot(people, host, shown)
        people.installed.openstack("database", "instance", "delete", instance)
        people.installed.gone(instance)
        assert host.left_of(instance) == {}


def no_file_of_the_control_plane_is_there(host: Host) -> None:
    """``trove`` is a package, and a distribution; what stands below our directory and in the login's home is ours."""
    ours = [path for top in ("/var/lib/troveguest", "/home") for path in host.run("find", top).splitlines()]
    assert any("/lib/troveguest/" in path for path in ours)
    assert [path for path in ours if re.search(r"/trove(/|$)|/trove-[0-9]", path)] == []


def everything_outlives_a_reboot(people: Fleet, host: Host, shown: dict[str, Any]) -> None:
    def rows() -> list[str]:
        try:
            return people.sql(shown, "SELECT id FROM kept")
        except CommandFailed:
            return []  # it is not up yet

    host.reboot()
    until(lambda: rows() == ["1"], 60, "the server answers again, with what it had")
    assert people.installed.healthy(shown["id"])["addresses"] == shown["addresses"]


def test_instances_are_spread_and_a_host_with_instances_is_drained_and_not_forgotten(
        people: Fleet, plain: Host, booted: Host) -> None:
    with registered(people, plain, booted):
        first, second = people.create("first"), people.create("second")
        assert {address(people, first), address(people, second)} == {plain.address, booted.address}
        there = first if address(people, first) == plain.address else second
        told = people.installed.trovectl("host", "drain", plain.name)
        assert there in told
        third = people.create("third")
        assert address(people, third) == booted.address
        with pytest.raises(CommandFailed, match=there):
            people.installed.trovectl("host", "remove", plain.name)
        for instance in (first, second, third):
            shown = people.installed.healthy(instance)
            assert people.sql(shown, "SELECT DATABASE()") == ["shop"]
        for instance in (first, second, third):
            people.installed.delete(instance)
        for instance in (first, second, third):
            people.installed.gone(instance)


def test_a_host_that_is_gone_for_good_holds_nothing_up(people: Fleet, plain: Host) -> None:
    """And when it turns up after all, nobody there is heard, and what was deleted meanwhile is removed."""
    people.register(plain)
    kept, asked = people.create("kept"), people.create("asked")
    for instance in (kept, asked):
        people.installed.healthy(instance)
    with plain.unreachable():
        people.installed.delete(asked)
        until(lambda: _waits(people, asked) == "unreachable", 60, "the deletion has met the silence")
        assert kept in people.installed.trovectl("host", "remove", "--lost", plain.name)
        people.installed.gone(asked)
        people.installed.delete(kept)
        people.installed.gone(kept)
    assert plain.name not in people.installed.trovectl("host", "list")
    log = f"/var/lib/troveguest/instances/{kept}/log/agent/current"
    until(lambda: "ACCESS_REFUSED" in plain.run("cat", log), 60, "the broker does not let its agent in")
    with registered(people, plain):
        for instance in (kept, asked):
            until(lambda which=instance: plain.left_of(which) == {}, 60, "nothing is left of it")


def _waits(people: Fleet, instance: str) -> str:
    """By the code of what its last operation met."""
    status, answer = people.installed.request("GET", f"/instances/{instance}/operations")
    assert status == 200, answer
    newest = max(answer["operations"], key=lambda each: each["created"])
    return str((newest.get("last_error") or {}).get("code"))


def address(people: Fleet, instance: str) -> str:
    shown = until(lambda: (found := people.installed.show(instance)) and "addresses" in found and found, 60,
                  f"{instance} has an address")
    return str(shown["addresses"][0]["address"])


def test_an_installation_takes_away_all_that_is_its_own_and_nothing_else(people: Fleet, plain: Host) -> None:
    others = f"/var/lib/troveguest/instances/{uuid.uuid4()}"
    people.register(plain)
    instance = people.create("last")
    people.installed.healthy(instance)
    plain.run("mkdir", others)
    people.installed.destroy()
    assert plain.left_of(instance) == {}
    assert plain.find("*", others) == [others]
