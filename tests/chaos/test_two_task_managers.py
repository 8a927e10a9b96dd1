"""Two task managers on one PostgreSQL: each operation is done once, and the flows of a dead one go on in the other."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import ground, ledger
from tests.awaiting import until
from tests.chaos.two_managers import Pair, Peer, pair
from tests.installation import sql

pytestmark = [pytest.mark.server, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with ground.directory() as directory, pair(directory) as made:
        yield made


def taken(both: Pair, instance: str, kind: str, steps: str) -> str:
    """The task manager that has this operation, as soon as it is at one of ``steps``, words between bars."""
    until(lambda: re.fullmatch(steps, both.step(instance, kind)), 60, f"{kind} is at {steps}", every=0.01)
    name = both.runner(instance, kind)
    assert name is not None
    return name


def finished(both: Pair, instance: str, kind: str, patience: float = 90) -> None:
    until(lambda: both.state_of(instance, kind) not in ("asked", "running"), patience, f"{kind} has ended")
    assert both.state_of(instance, kind) == "done"


def orders_done(both: Pair, instance: str) -> list[str]:
    """The orders that the agent itself says it carried out."""
    log = both.made.home(instance) / "log" / "agent" / "current"
    return re.findall(r"An operation is done\..*?method=(\w+)", log.read_text())


@pytest.mark.parametrize("step", ["find_spot|place", "await_agent", "prepare"])
def test_a_creation_goes_on_in_the_other(both: Pair, step: str) -> None:
    instance = both.made.create(f"create {step[:20]}")
    victim = taken(both, instance, "create", step)
    both.kill(victim)
    killed_at = time.monotonic()
    until(lambda: both.runner(instance, "create") not in (victim, None), 25, "the other one has it", every=0.02)
    print(f"{victim} was killed; the other had it after {time.monotonic() - killed_at:.1f} s")
    finished(both, instance, "create")
    both.bring_back(victim)
    shown = both.made.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    assert both.orders(instance) == [("prepare", "done")] and orders_done(both, instance) == ["prepare"]
    both.made.delete(instance)
    both.made.gone(instance)
    ledger.balanced(both.made.state, set(), 60, both.urls)


def test_a_restart_goes_on_in_the_other(both: Pair) -> None:
    instance = both.made.create("restarted")
    both.made.healthy(instance)
    assert both.made.request("POST", f"/instances/{instance}/action", {"restart": {}})[0] == 202
    victim = taken(both, instance, "restart", "restart_server")
    both.kill(victim)
    finished(both, instance, "restart")
    both.bring_back(victim)
    both.made.healthy(instance)
    assert orders_done(both, instance) == ["prepare", "restart"]
    both.made.delete(instance)
    both.made.gone(instance)


@pytest.mark.parametrize("step", ["unplace", "close_bus|"])
def test_a_deletion_goes_on_in_the_other(both: Pair, step: str) -> None:
    instance = both.made.create("deleted")
    both.made.healthy(instance)
    both.made.delete(instance)
    victim = until(lambda: both.runner(instance, "delete"), 30, "somebody has it", every=0.01)
    until(lambda: re.fullmatch(step, both.step(instance, "delete")) or both.state_of(instance, "delete") == "done",
          60, f"it is at {step}", every=0.005)
    both.kill(victim)
    finished(both, instance, "delete")
    both.bring_back(victim)
    ledger.balanced(both.made.state, set(), 60, both.urls)


def test_each_operation_is_done_once_while_both_live(both: Pair) -> None:
    instances = [both.made.create(f"shared {number}") for number in range(4)]
    for instance in instances:
        both.made.healthy(instance, 240)
    for instance in instances:
        assert both.made.request("POST", f"/instances/{instance}/action", {"restart": {}})[0] == 202
    for instance in instances:
        finished(both, instance, "restart", 240)
        assert orders_done(both, instance) == ["prepare", "restart"]
        assert both.orders(instance) == [("prepare", "done"), ("restart", "done")]
    print("done by", sorted(str(both.runner(each, kind)) for each in instances for kind in ("create", "restart")))
    ledger.balanced(both.made.state, set(instances), 60, both.urls)
    for instance in instances:
        both.made.delete(instance)
    for instance in instances:
        both.made.gone(instance, 240)
    ledger.balanced(both.made.state, set(), 60, both.urls)


def held_by_peer(both: Pair) -> str:
    """An instance whose creation is at a long step in the peer's hands; standalone may be down."""
    instance = both.made.create("held")
    if taken(both, instance, "create", "place|await_agent") != "peer":
        both.kill("standalone")
        until(lambda: both.runner(instance, "create") == "peer", 25, "the peer has it", every=0.02)
    assert both.state_of(instance, "create") == "running"
    return instance


def test_one_that_stands_still_is_ended_and_its_work_goes_on(both: Pair) -> None:
    """SIGSTOP for longer than its lease: what wakes afterwards must not go on in the middle of a step."""
    instance = held_by_peer(both)
    os.kill(both.peer.process.pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    both.made.up()
    until(lambda: both.runner(instance, "create") == "standalone", 60, "the other one has it")
    print(f"taken over after {time.monotonic() - stopped_at:.1f} s")
    assert time.monotonic() - stopped_at > 15, "it had its lease"
    finished(both, instance, "create")
    assert both.peer.process.wait(30) == -signal.SIGKILL
    both.bring_back("peer")
    assert both.orders(instance) == [("prepare", "done")] and orders_done(both, instance) == ["prepare"]
    both.made.delete(instance)
    everything_gone(both)


def test_one_that_stands_still_for_a_moment_goes_on(both: Pair) -> None:
    instance = held_by_peer(both)
    os.kill(both.peer.process.pid, signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        both.peer.process.wait(15)
    os.kill(both.peer.process.pid, signal.SIGCONT)
    both.made.up()
    finished(both, instance, "create")
    assert both.runner(instance, "create") == "peer" and both.peer.process.poll() is None
    assert orders_done(both, instance) == ["prepare"]
    both.made.delete(instance)
    everything_gone(both)


def test_a_lease_that_a_peer_elsewhere_took_ends_the_process(both: Pair) -> None:
    """On another machine nobody can end it: it learns by itself, and does nothing more."""
    instance = held_by_peer(both)
    both.write("UPDATE executors SET holder = 'another-boot/1/1' WHERE id LIKE 'peer@%'")
    both.made.up()
    assert both.peer.process.wait(60) == 1
    both.write("UPDATE executors SET lease_until = 0 WHERE holder = 'another-boot/1/1'")
    finished(both, instance, "create")
    both.bring_back("peer")
    assert orders_done(both, instance) == ["prepare"]
    both.made.delete(instance)
    everything_gone(both)


def test_no_two_of_one_name(both: Pair) -> None:
    with pytest.raises(AssertionError, match="A task manager called peer runs already"):
        Peer(both.made, "peer", "second.log")


def test_a_stop_hands_the_work_over(both: Pair) -> None:
    instance = held_by_peer(both)
    assert both.peer.end() == 0
    both.made.up()
    until(lambda: both.runner(instance, "create") == "standalone", 20, "the other one has it")
    finished(both, instance, "create")
    assert orders_done(both, instance) == ["prepare"]
    both.bring_back("peer")
    both.made.delete(instance)
    everything_gone(both)


def everything_gone(both: Pair) -> None:
    ledger.balanced(both.made.state, set(), 120, both.urls)
