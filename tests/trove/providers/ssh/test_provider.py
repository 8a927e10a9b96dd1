"""Instances on hosts: what is asked of the agent there, what a look tells, and what an absent host means."""

import dataclasses
import json
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common import releases as manifests
from common.errors import HostFailed, NoSpace, NotFound, Unreachable
from tests import ground
from tests.trove.providers.ssh import servers
from tests.trove.providers.ssh.servers import Machine
from tests.trove.providers.test_local import BUS, INSTANCE, KEYS, WANTED
from tests.trove.releases import making
from trove import providers
from trove.domain.hosts import Facts, Host, HostState
from trove.domain.spots import Load, Spot
from trove.providers.agent import Logging
from trove.providers.base import Wanted
from trove.providers.running import Ended
from trove.providers.ssh.checking import Checker
from trove.providers.ssh.choosing import Releases
from trove.providers.ssh.delivery import Delivery
from trove.providers.ssh.provider import SshProvider
from trove.providers.ssh.transport import Login, Transport
from trove.releases import building
from trove.releases import machine as prepared

pytestmark = pytest.mark.server

NOTES = """
import json, os, sys
def main():
    with open({note!r}, "a") as file:
        file.write(json.dumps(dict(argv=sys.argv[1:], order=json.load(sys.stdin), user=os.getuid())) + "\\n")
    placed = dict(instance_id="{instance}", limits="l", volume="v", trust="t")
    print(json.dumps(placed if sys.argv[1] == "place" else None))
    return 0
"""
FACTS = Facts(memory_mb=4096, vcpus=2, disk_gb=100, python=making.HERE.python, arch=making.HERE.arch, systemd=False,
              engines={"mariadb": ("10.11",)}, busy_ports=(3306,))


@dataclass
class Registered:
    """The register, with one host in it."""

    host: Host

    def all(self) -> tuple[Host, ...]:
        return (self.host,)

    def get(self, name: str) -> Host:
        if name != self.host.name:
            raise NotFound(f"There is no host {name}.")
        return self.host


class Site:
    def __init__(self, directory: Path, machine: Machine) -> None:
        self.root, self.note = servers.disk(directory / "host"), directory / "notes"
        self.top = prepared.top(str(self.root))
        server = machine.server
        self.register = Registered(Host(
            name=server.name, address=server.address, port=server.port, user=server.user, host_key=server.host_key,
            listen_address=server.address, state=HostState.ACTIVE, facts=FACTS, problem="", checked_at=None, created=0))
        self.releases = directory / "releases"
        self.present = making.make(directory / "present", NOTES.format(note=str(self.note), instance=INSTANCE))
        delivery = Delivery(machine.transport, self.releases, directory.name, directory / "locks", str(self.root))
        self.provider = SshProvider(self.register, delivery, Releases(self.releases, self.present).of, Logging())
        self.checker = Checker(machine.transport, str(self.root))

    def wanted(self) -> Wanted:
        return dataclasses.replace(WANTED, spot=self.provider.find_spot(WANTED, ()))

    def notes(self) -> list[dict]:
        return [json.loads(line) for line in self.note.read_text().splitlines()]

    def change(self, **changes: object) -> None:
        self.register.host = msgspec.structs.replace(self.register.host, **changes)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with ground.directory() as directory, servers.running(directory) as made:
        yield made


@pytest.fixture
def site(machine: Machine) -> Iterator[Site]:
    with ground.directory() as directory:
        yield Site(directory, machine)
        shutil.rmtree(Path.home() / ".cache/troveguest/staging" / directory.name, ignore_errors=True)


def test_it_is_whole(site: Site) -> None:
    providers.check(site.provider)
    assert site.provider.hosts() == ("rack1",)


def test_place_grow_and_unplace_are_asked_of_the_agent_there(site: Site) -> None:
    wanted = site.wanted()
    placed = site.provider.place(wanted, BUS, KEYS)
    site.provider.grow(INSTANCE, "rack1", 5)
    site.provider.unplace(INSTANCE, "rack1")
    place, grow, unplace = site.notes()
    assert [note["argv"] for note in (place, grow, unplace)] == [["place"], ["grow"], ["unplace"]]
    assert placed.limits == "l"
    order = place["order"]
    assert order["home"] == f"{site.top}/instances/{INSTANCE}" == unplace["order"]["home"]
    assert Path(order["release"]).parent == site.top / "releases"
    assert (order["address"], order["port"]) == (site.register.host.listen_address, 3307), "3306 is busy there"
    assert order["bus"]["password"] == "planted-secret" and grow["order"]["volume_gb"] == 5


def test_a_placing_looks_once_for_a_release_that_is_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, commands, run = site.wanted(), list[str](), Transport.run
    site.provider.place(wanted, BUS, KEYS)

    def noted(transport: Transport, login: Login, command: Sequence[str], *rest: Any, **named: Any) -> Ended:
        commands.append(command[-1])
        return run(transport, login, command, *rest, **named)

    monkeypatch.setattr(Transport, "run", noted)
    site.provider.place(wanted, BUS, KEYS)
    assert len(commands) == 2 and commands[1] == "place", "a look, and the order"
    other = making.make(site.releases / "new", NOTES.format(note=str(site.note), instance=INSTANCE) + "# another")
    total = manifests.read(other).total
    other.rename(site.releases / total)
    site.provider.place(dataclasses.replace(wanted, release=total), BUS, KEYS)
    assert [Path(note["order"]["release"]).name == total for note in site.notes()] == [False, False, True]


def test_a_spot_is_found_without_a_look_at_the_host(site: Site) -> None:
    site.change(port=1)
    spot = site.provider.find_spot(WANTED, ())
    assert spot == Spot("rack1", site.register.host.listen_address, 3307)
    assert site.provider.find_spot(WANTED, (Load("other", spot, 512, 2),)).port == 3308
    with pytest.raises(NoSpace, match="MB of memory left"):
        site.provider.find_spot(WANTED, (Load("other", spot, 3500, 2),))


def test_a_host_that_is_away_never_looks_empty(site: Site) -> None:
    wanted = site.wanted()
    site.change(port=1)
    for ask in (lambda: site.provider.placed("rack1"), lambda: site.provider.unplace(INSTANCE, "rack1"),
                lambda: site.provider.place(wanted, BUS, KEYS), lambda: site.checker.look(site.register.host)):
        with pytest.raises(Unreachable, match="rack1"):
            ask()
    with pytest.raises(NotFound):
        site.provider.placed("rack2")


def test_what_is_placed_is_read_from_its_disk(site: Site) -> None:
    assert site.provider.placed("rack1") == frozenset()
    (site.top / "instances" / INSTANCE).mkdir(parents=True)
    (site.top / "instances" / "lost+found").mkdir()
    assert site.provider.placed("rack1") == {INSTANCE}


def test_a_look_tells_what_the_host_has(site: Site) -> None:
    with socket.create_server((site.register.host.listen_address, 0)) as server:
        facts = site.checker.look(site.register.host)
        assert server.getsockname()[1] in facts.busy_ports and 2222 in facts.busy_ports
    assert (facts.python, facts.arch, facts.vcpus) == (FACTS.python, FACTS.arch, os.cpu_count())
    assert facts.memory_mb > 256 and facts.disk_gb > 0 and abs(facts.clock_skew) < 5
    assert facts.systemd == Path("/run/systemd/system").is_dir()
    assert all(version.startswith("1") for version in facts.engines["mariadb"])


def test_a_host_whose_address_is_another_machines_is_told_so(site: Site) -> None:
    site.change(listen_address="192.0.2.1")
    with pytest.raises(HostFailed, match=r"192\.0\.2\.1 is no address of the host rack1"):
        site.checker.look(site.register.host)


def test_a_host_gets_the_release_that_is_for_it(site: Site) -> None:
    releases = Releases(site.releases, site.present)
    own = releases.of(site.register.host)
    assert manifests.verify(site.releases / own).arch == FACTS.arch
    site.change(facts=msgspec.structs.replace(FACTS, arch="pdp11"))
    with pytest.raises(HostFailed, match="no agent for the host rack1") as caught:
        releases.of(site.register.host)
    assert "trovectl agent push rack1" in caught.value.hint
    other = making.make(site.releases / "new", made_for=building.Target("fake", FACTS.python, "pdp11"))
    total = manifests.read(other).total
    other.rename(site.releases / total)
    assert releases.of(site.register.host) == total
