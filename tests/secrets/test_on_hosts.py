"""A host has the secrets of the instances that stand on it, and of nothing else."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import kinds
from tests.hosts.fleet import Fleet, fleet
from tests.hosts.host import Host
from tests.hosts.network import Network, network
from tests.secrets import memory, places
from tests.secrets.needles import Needle, search

pytestmark = [pytest.mark.server, pytest.mark.long,
              pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]

Standing = dict[str, Host]
"""Hosts by the ids of the instances that stand on them."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def hosts(ground: Network) -> Iterator[list[Host]]:
    with kinds.plain_host(ground, "first") as first, kinds.plain_host(ground, "second") as second:
        yield [first, second]


@pytest.fixture(scope="module")
def heard() -> Iterator[memory.Listener]:
    with memory.listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def people(ground: Network, hosts: list[Host], heard: memory.Listener) -> Iterator[Fleet]:
    with fleet(ground) as made:
        for host in hosts:
            made.register(host)
        yield made


@pytest.fixture(scope="module")
def planted() -> list[Needle]:
    return []


@pytest.fixture(scope="module")
def standing(people: Fleet, hosts: list[Host], planted: list[Needle]) -> Standing:
    """Two instances, each on a host of its own."""
    found = {}
    for name in ("one", "two"):
        text = f"pl-{secrets.token_hex(8)}/'\"%Ä"
        instance = people.create(name, users=[{"name": "anna", "password": text}])
        planted.append(Needle(f"password of {instance}", "password", text))
        address = people.installed.healthy(instance)["addresses"][0]["address"]
        found[instance], = (host for host in hosts if host.address == address)
    assert len(set(found.values())) == 2
    return found


def disk(host: Host) -> Path:
    """What was written there since the machine was made."""
    return host.directory / "upper"


def root(host: Host) -> Path:
    return disk(host) / "var/lib/troveguest"


def everything(people: Fleet, standing: Standing, planted: list[Needle]) -> list[Needle]:
    own = [each for host in standing.values() for each in places.own(root(host), {})]
    central = places.own(people.installed.state, {})
    assert {each.kind for each in own} == {"guest's keys", "guest's broker password", "journal's key"}
    assert {"key file", "authority's key", "key for hosts", "operator's token"} < {each.kind for each in central}
    return [*planted, *own, *central]


def test_a_host_has_what_its_own_instances_need_alone(people: Fleet, standing: Standing,
                                                      planted: list[Needle]) -> None:
    needles = everything(people, standing, planted)
    for host in standing.values():
        assert places.wrong(root(host)) == []
        found = search(needles, [disk(host)])
        meant = places.meant(root(host))
        assert {(each.needle.kind, each.file) for each in found} == meant
        assert [str(each) for each in found if str(each.file) not in each.needle.name] == []


def test_the_control_plane_has_no_secret_of_a_guest_in_clear(people: Fleet, standing: Standing,
                                                             planted: list[Needle]) -> None:
    needles = everything(people, standing, planted)
    meant = places.meant(people.installed.state)
    found = search(needles, [people.installed.state])
    assert [str(each) for each in found if (each.needle.kind, each.file) not in meant] == []


def test_command_lines_and_environments_have_none(people: Fleet, standing: Standing, planted: list[Needle],
                                                  heard: memory.Listener, tmp_path: Path) -> None:
    """Of both sides: this machine sees the processes of the hosts."""
    for name, texts in heard.heard.items():
        (tmp_path / name).write_bytes(b"\n".join(sorted(texts)))
    lines = (tmp_path / "cmdline").read_bytes()
    assert b"trove-guestagent" in lines and b"rsync" in lines and os.fsencode(people.installed.state) in lines
    assert [str(each) for each in search(everything(people, standing, planted), [tmp_path])] == []
