"""The network of a host is cut in the middle of long work there: it goes on afterwards, or says why it does not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.awaiting import until
from tests.chaos import changed_releases as changed
from tests.chaos.gates import HaltingInstallation, Moment, halting_installation
from tests.hosts import kinds
from tests.hosts.fleet import Fleet, settings
from tests.hosts.host import Host
from tests.hosts.network import network

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]

HOMES = "/var/lib/troveguest/instances"
WELL_WITHIN = 40.0
"""Seconds: less than those between two looks at a host that nothing was heard of."""

NOTICED = 60.0
"""Seconds until the flow has found out that it does not get through; a lost connection is known by its silence."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with network() as ground, kinds.plain_host(ground, "cut") as made:
        yield made


@pytest.fixture(scope="module")
def people(host: Host) -> Iterator[Fleet]:
    with halting_installation(settings(host.network)) as made:
        fleet = Fleet(made, host.network, host.network.join("client"))
        fleet.register(host)
        yield fleet


@contextmanager
def cut(people: Fleet, host: Host) -> Iterator[None]:
    """Afterwards the host is well as soon as it answers somebody, whether or not a look found it ill meanwhile."""
    with host.unreachable():
        yield
    until(lambda: people.known(host.name)["problem"] is None, WELL_WITHIN, f"{host.name} is well again", every=0.5)


def gated(people: Fleet) -> HaltingInstallation:
    assert isinstance(people.installed, HaltingInstallation)
    return people.installed


def operation(people: Fleet, instance: str) -> dict[str, Any]:
    """The instance's last one."""
    status, answer = people.installed.request("GET", f"/instances/{instance}/operations")
    assert status == 200, answer
    return max(answer["operations"], key=lambda each: each["created"])


def says_that_the_host_is_away(people: Fleet, instance: str) -> None:
    until(lambda: (operation(people, instance).get("last_error") or {}).get("code") == "unreachable", NOTICED,
          f"the operation on {instance} says why it waits")
    assert operation(people, instance)["state"] == "running"


def test_work_under_way_goes_on_when_the_host_is_back(people: Fleet, host: Host) -> None:
    """One creation is held before it makes the place, one while the agent prepares; a restart; a removal."""
    gate = gated(people).gate
    placed, prepared, restarted, removed = (people.create(name) for name in
                                            ("placed", "prepared", "restarted", "removed"))
    for instance in (restarted, removed):
        gate.free(instance)
        people.installed.healthy(instance)
        gate.hold(instance)
    people.sql(people.installed.healthy(restarted), "CREATE TABLE kept (id INT); INSERT INTO kept VALUES (1)")
    gate.reach(placed, Moment("create", "place", "before"))
    gate.reach(prepared, Moment("create", "prepare", "before"))
    assert people.installed.request("POST", f"/instances/{restarted}/action", {"restart": {}})[0] == 202
    people.installed.delete(removed)
    gate.reach(restarted, Moment("restart", "restart_server", "before"))
    gate.reach(removed, Moment("delete", "unplace", "before"))
    with cut(people, host):
        for instance in (placed, prepared, restarted, removed):
            gate.free(instance)
        for instance in (placed, removed):
            says_that_the_host_is_away(people, instance)
        assert host.left_of(removed) != {}
    for instance in (placed, prepared, restarted):
        shown = people.installed.healthy(instance)
        assert people.sql(shown, "SELECT DATABASE()") == ["shop"]
        assert operation(people, instance)["state"] == "done"
    assert people.sql(people.installed.healthy(restarted), "SELECT id FROM kept") == ["1"]
    people.installed.gone(removed)
    assert host.left_of(removed) == {}
    for instance in (placed, prepared, restarted):
        people.installed.delete(instance)
        people.installed.gone(instance)
        assert host.left_of(instance) == {}


@pytest.mark.long
def test_the_root_command_ends_by_itself_when_its_connection_is_cut(people: Fleet, host: Host) -> None:
    gate = gated(people).gate
    instance = people.create("midway")
    gate.reach(instance, Moment("create", "place", "before"))
    gate.free(instance)
    until(lambda: host.find(instance, "/var/lib/troveguest"), 60, "the place is being made", every=0.02)
    with cut(people, host):
        until(lambda: not host.processes("trove-guestagent place"), 60, "the root command has ended")
    shown = people.installed.healthy(instance)
    assert people.sql(shown, "SELECT 1") == ["1"]
    people.installed.delete(instance)
    people.installed.gone(instance)
    assert host.left_of(instance) == {}


@pytest.mark.long
def test_what_happened_meanwhile_is_seen_afterwards(people: Fleet, host: Host) -> None:
    """The server dies, and its agent brings it back, while nobody hears of it; an order to it waits."""
    instance = people.create("silent")
    gated(people).gate.free(instance)
    shown = people.installed.healthy(instance)
    people.sql(shown, "CREATE TABLE kept (id INT); INSERT INTO kept VALUES (1)")
    with cut(people, host):
        before = host.run("pgrep", "-x", "mariadbd")
        host.run("pkill", "-KILL", "-x", "mariadbd")
        until(lambda: host.run("pgrep", "-x", "mariadbd", check=False) not in ("", before), 60, "another server runs")
        assert people.installed.request("POST", f"/instances/{instance}/action", {"restart": {}})[0] == 202
    until(lambda: operation(people, instance)["state"] == "done", 120, "it is restarted")
    people.installed.healthy(instance)
    assert people.sql(shown, "SELECT id FROM kept") == ["1"]
    people.installed.delete(instance)
    people.installed.gone(instance)
    assert host.left_of(instance) == {}


def begin_upgrade(people: Fleet, instance: str, scratch: Path) -> str:
    """To a release that takes a while until it reports; held before it is brought to the host. Its hash."""
    release = changed.add(people.installed, lambda package: changed.at_start(package, "__import__('time').sleep(2)"),
                          scratch)
    gate = gated(people).gate
    gate.hold(instance)
    status, answer = people.installed.request("POST", f"/instances/{instance}/action",
                                              {"upgrade_agent": {"release": release}})
    assert status == 202, answer
    gate.reach(instance, Moment("upgrade", "deliver", "before"))
    return release


def await_trial(host: Host, instance: str) -> None:
    until(lambda: host.find("trial", f"{HOMES}/{instance}"), 120, "the release is tried",
          every=0.02)


def agent_of(people: Fleet, instance: str) -> dict[str, Any]:
    rows = json.loads(people.installed.trovectl("agent", "list", "--json"))["agents"]
    return next(row for row in rows if row["instance_id"] == instance)


@pytest.fixture
def served(people: Fleet, host: Host) -> Iterator[str]:
    """An instance whose server is the same process afterwards, and serves."""
    instance = people.create("served")
    gated(people).gate.free(instance)
    shown = people.installed.healthy(instance)
    server = host.run("cat", f"{HOMES}/{instance}/services/database/supervise/pid")
    yield instance
    people.installed.healthy(instance)
    assert host.run("cat", f"{HOMES}/{instance}/services/database/supervise/pid") == server
    assert people.sql(shown, "SELECT DATABASE()") == ["shop"]
    people.installed.delete(instance)
    people.installed.gone(instance)
    assert host.left_of(instance) == {}


@pytest.mark.long
def test_an_upgrade_goes_on_when_the_host_is_back(people: Fleet, host: Host, served: str, tmp_path: Path) -> None:
    release = begin_upgrade(people, served, tmp_path)
    with cut(people, host):
        gated(people).gate.free(served)
        says_that_the_host_is_away(people, served)
    await_trial(host, served)
    with cut(people, host):
        host.run("sleep", "5")  # it is up by now, and reaches nobody
    until(lambda: operation(people, served)["state"] != "running", 120, "the upgrade has ended")
    assert (operation(people, served)["state"], agent_of(people, served)["release"]) == ("done", release)


@pytest.mark.long
def test_an_upgrade_whose_report_does_not_come_through_is_rolled_back(people: Fleet, host: Host, served: str,
                                                                      tmp_path: Path) -> None:
    before = agent_of(people, served)["release"]
    begin_upgrade(people, served, tmp_path)
    gated(people).gate.free(served)
    await_trial(host, served)
    with cut(people, host):
        until(lambda: host.find("failed", f"/var/lib/troveguest/instances/{served}"), 120, "it is rolled back")
    until(lambda: operation(people, served)["state"] != "running", 120, "the upgrade has ended")
    ended = operation(people, served)
    assert ended["state"] == "failed" and "did not report" in ended["last_error"]["message"], ended
    assert agent_of(people, served)["release"] == before
