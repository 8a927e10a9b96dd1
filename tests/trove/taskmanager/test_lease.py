"""Leases: one life of a task manager, who is dead and who is not, and who is ended before it acts again."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import Conflict
from tests.trove.world import make_store
from trove.db import executors
from trove.db.store import Store
from trove.taskmanager import lease
from trove.taskmanager.lease import Lease

ELSEWHERE = "another-boot/1/1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def enlist(store: Store, executor: str, holder: str, seconds: float) -> executors.Lease:
    made = executors.Lease(executor, holder, time.time() + seconds if seconds else 0.0)
    with store.write() as connection:
        executors.enlist(connection, made)
    return made


def holder_of(process: subprocess.Popen[bytes]) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{process.pid}/{lease._start_ticks(process.pid)}"


def taken(store: Store, name: str) -> Lease:
    made = Lease(store, name)
    made.take()
    return made


def test_a_second_process_under_the_same_name_is_refused(store: Store) -> None:
    enlist(store, "one@1", ELSEWHERE, 20)
    with pytest.raises(Conflict, match="called one runs already"):
        taken(store, "one")
    with store.read() as connection:
        assert [each.executor for each in executors.others(connection, "")] == ["one@1"], "the other left nothing"


@pytest.mark.parametrize("executor", ["one@1", "one"], ids=["a former life", "as the first release wrote it"])
@pytest.mark.parametrize("seconds", [0.0, -1.0], ids=["let go", "ran out"])
def test_what_a_former_life_left_is_there_at_once(store: Store, executor: str, seconds: float) -> None:
    left = enlist(store, executor, ELSEWHERE, seconds)
    assert taken(store, "one").dead() == (left,)


def test_a_process_that_was_killed_here_is_dead_at_once(store: Store, sleeper: subprocess.Popen[bytes]) -> None:
    peer = enlist(store, "two@1", holder_of(sleeper), 20)
    mine, told = taken(store, "one"), threading.Event()
    assert mine.dead() == ()
    mine.watch(told.set)
    sleeper.kill()
    assert told.wait(10)
    sleeper.wait()
    assert mine.dead() == (peer,) and mine.take_over(peer, 60)


def test_a_lease_that_ran_out_leaves_its_holder_a_chance(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a sleep of the machine every lease has run out, and every holder is about to renew."""
    left = enlist(store, "two@1", ELSEWHERE, -1)
    mine = taken(store, "one")
    assert mine.dead() == () == mine.dead()
    monkeypatch.setattr(lease, "CHANCE", 0.0)
    assert mine.dead() == (left,)


def test_who_renews_after_all_is_not_taken_over(store: Store) -> None:
    left = enlist(store, "two@1", ELSEWHERE, -1)
    with store.write() as connection:
        assert executors.renew(connection, executors.Lease("two@1", ELSEWHERE, time.time() + 30))
    assert not taken(store, "one").take_over(left, 60)


def test_a_dead_one_has_one_heir(store: Store) -> None:
    left = enlist(store, "dead@1", ELSEWHERE, 0)
    assert [taken(store, name).take_over(left, 60) for name in ("one", "two")] == [True, False]


def test_an_heir_that_dies_half_way_leaves_the_rest_to_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    left = enlist(store, "dead@1", ELSEWHERE, 0)
    monkeypatch.setattr(lease, "own_holder", lambda: "a-third-boot/2/2")
    first = taken(store, "one")
    monkeypatch.undo()
    assert first.take_over(left, 60)
    monkeypatch.setattr(lease, "_is_dead_here", lambda holder: holder == "a-third-boot/2/2")
    second = taken(store, "two")
    assert {each.executor for each in second.dead()} == {"dead@1", first.executor}
    assert all(second.take_over(each, 60) for each in second.dead())


def test_one_that_stands_still_is_ended_before_its_flows_go_on(store: Store, sleeper: subprocess.Popen[bytes]) -> None:
    """Awake again, it would go on in the middle of a step."""
    sleeper.send_signal(signal.SIGSTOP)
    left = enlist(store, "two@1", holder_of(sleeper), -1)
    assert taken(store, "one").take_over(left, 60)
    assert sleeper.wait(10) == -signal.SIGKILL


def test_who_lost_it_cannot_renew(store: Store) -> None:
    mine = taken(store, "one")
    assert mine.renew() and mine.acts_until > lease.clock()
    with store.write() as connection:
        [row] = executors.others(connection, "")
        assert executors.take_over(connection, row, executors.Lease("two@1", ELSEWHERE, time.time() + 30), 0.0)
    assert not mine.renew()
    mine.let_go()
    with store.read() as connection:
        assert executors.others(connection, "")[0].holder == ELSEWHERE
