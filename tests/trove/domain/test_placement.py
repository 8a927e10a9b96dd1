"""Which host takes an instance, and what is said when none does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import NoSpace
from trove.domain.hosts import Facts, Host, HostState
from trove.domain.placement import PORTS, RESERVE_MB, Need, choose, free_disk_gb, free_memory_mb
from trove.domain.spots import Load, Spot

NEED = Need(datastore="mariadb", version="10.11", memory_mb=1024, volume_gb=10, port=3306)


def host(name: str, memory_mb: int = 8192, disk_gb: int = 100, state: HostState = HostState.ACTIVE, problem: str = "",
         busy: tuple[int, ...] = (), *, seen: bool = True) -> Host:
    facts = Facts(memory_mb=memory_mb, vcpus=4, disk_gb=disk_gb, python="3.11", arch="x86_64", systemd=True,
                  engines={"mariadb": ("10.11",)}, busy_ports=busy)
    return Host(name=name, address=f"{name}.example", port=22, user="trove", host_key="ssh-ed25519 AAAA",
                listen_address=f"{name}.db.example", state=state, facts=facts if seen else None, problem=problem,
                checked_at=1.0, created=1.0)


def load(name: str, port: int = 3306, memory_mb: int = 1024, volume_gb: int | None = 10) -> Load:
    return Load(f"{name}-{port}", Spot(name, f"{name}.db.example", port), memory_mb, volume_gb)


def test_the_host_with_the_largest_part_of_its_memory_free_is_chosen() -> None:
    assert choose([host("b"), host("a"), host("small", 2048)], [load("a")], NEED) == Spot("b", "b.db.example", 3306)


def test_among_equals_the_first_by_name() -> None:
    assert choose([host("b"), host("a")], [], NEED).host == "a"


def test_ports_of_instances_and_of_strangers_are_left_out() -> None:
    loads = [load("a", 3306), load("a", 3308), load("b", 3309)]
    assert choose([host("a", busy=(3307,))], loads, NEED).port == 3309


def test_replicas_are_kept_apart_where_that_can_be() -> None:
    hosts = [host("a", 16384), host("b")]
    apart = Need("mariadb", "10.11", 1024, 10, 3306, frozenset({"a"}))
    assert choose(hosts, [], apart).host == "b"
    assert choose(hosts[:1], [], apart).host == "a"
    with pytest.raises(NoSpace, match="a has one already that it is to be kept apart from"):
        choose(hosts[:1], [], Need("mariadb", "10.11", 1024, 10, 3306, frozenset({"a"}), strictly=True))


@pytest.mark.parametrize(("candidate", "loads", "why"), [
    (host("h", state=HostState.DRAINING), [], "h is being drained"),
    (host("h", state=HostState.LOST), [], "h is lost for good"),
    (host("h", problem="It is away."), [], r"h was not well when it was looked at last \(It is away.\)"),
    (host("h", seen=False), [], "h was not well"),
    (host("h", 1024 + RESERVE_MB - 1), [], "h has 1023 MB of memory left and not 1024"),
    (host("h", 2048 + RESERVE_MB), [load("h"), load("h", 3307)], "h has 0 MB of memory left"),
    (host("h", disk_gb=19), [load("h")], "h has 9 GB of disk left and not 10"),
    (host("h", busy=tuple(range(3306, 3306 + PORTS))), [], "h has no free port between 3306 and 4305"),
])
def test_each_host_is_named_with_its_reason(candidate: Host, loads: list[Load], why: str) -> None:
    with pytest.raises(NoSpace, match=f"No host takes the instance: .*{why}"):
        choose([candidate, host("z", state=HostState.DRAINING)], loads, NEED)


def test_an_engine_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSpace, match=r"h does not have redis 7\.2 installed"):
        choose([host("h")], [], Need("redis", "7.2", 64, None, 6379))
    with pytest.raises(NoSpace, match=r"h does not have mariadb 11\.8 installed"):
        choose([host("h")], [], Need("mariadb", "11.8", 64, None, 3306))


def test_programs_elsewhere_are_wanted_there() -> None:
    need = Need("mariadb", "11.8", 64, None, 3306, binaries="/opt/m")
    has = host("h").facts
    assert has is not None
    for there in ({}, {"/opt/m": "11.4"}, {"/opt/n": "11.8"}):
        wrong = msgspec.structs.replace(host("h"), facts=msgspec.structs.replace(has, binaries=there))
        with pytest.raises(NoSpace, match=r"h does not have mariadb 11\.8 at /opt/m"):
            choose([wrong], [], need)
    right = msgspec.structs.replace(host("h"), facts=msgspec.structs.replace(has, binaries={"/opt/m": "11.8"}))
    assert choose([right], [], need).host == "h"


def test_two_names_of_one_machine_share_its_ports() -> None:
    again = msgspec.structs.replace(host("b"), listen_address="a.db.example")
    assert choose([again], [load("a")], NEED) == Spot("b", "a.db.example", 3307)


def test_without_a_host_it_says_so() -> None:
    with pytest.raises(NoSpace, match="none is registered"):
        choose([], [], NEED)


@given(st.lists(st.tuples(st.integers(64, 4096), st.one_of(st.none(), st.integers(1, 40))), max_size=30),
       st.lists(st.tuples(st.integers(1, 16384), st.integers(0, 200)), max_size=4))
def test_no_host_is_ever_given_more_than_it_has(wanted: list[tuple[int, int | None]],
                                                machines: list[tuple[int, int]]) -> None:
    hosts = [host(f"h{place}", memory, disk) for place, (memory, disk) in enumerate(machines)]
    loads: list[Load] = []
    for memory_mb, volume_gb in wanted:
        try:
            spot = choose(hosts, loads, Need("mariadb", "10.11", memory_mb, volume_gb, 3306))
        except NoSpace:
            continue
        loads.append(Load(str(len(loads)), spot, memory_mb, volume_gb))
    assert len({load.spot for load in loads}) == len(loads)
    for one in hosts:
        there = [load for load in loads if load.spot.host == one.name]
        assert not there or (free_memory_mb(one, there) >= 0 and free_disk_gb(one, there) >= 0)
