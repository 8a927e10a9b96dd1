"""The loop: what it says and does for every view, and that it touches nothing it should not."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from common.contract import types as t
from common.contract.types import ServiceStatus as Status
from common.errors import Busy, EngineFailed, HostFailed
from troveguest.conformance.ordering import METHODS, request
from troveguest.datastores.base import Health
from troveguest.host.base import ProcessId, ServiceState
from troveguest.host.fake import FakeHost
from troveguest.journal import Journal, Wanted
from troveguest.loop import Act, Backoff, Loop, View, decide
from troveguest.operations import Job, Operations

UP = ServiceState(True, ProcessId(1, 1, "b"), 50.0)
DOWN = ServiceState(True, None, None)
FINE = Health(Status.HEALTHY, "It answers.", 50.0)
STUCK = Health(Status.BLOCKED, "It does not answer.", 50.0)
PREPARED = Wanted(prepared_by="op", up=True)
KEPT_DOWN = Wanted(prepared_by="op", up=False)


def _job(method: str) -> Job:
    return Job("op", method, 0.0, 0.0, lambda job, percent: None)


def _view(*, job: Job | None = None, wanted: Wanted = PREPARED, initialised: bool = True, service: ServiceState = UP,
          health: Health | None = FINE, pause: float = 0.0, trouble: str = "") -> View:
    return View(job=job, wanted=wanted, initialised=initialised, service=service, health=health, pause=pause,
                trouble=trouble)


@pytest.mark.parametrize(("view", "status", "act", "words"), [
    (_view(), Status.HEALTHY, Act.NOTHING, "It answers."),
    (_view(health=STUCK), Status.BLOCKED, Act.NOTHING, "does not answer"),
    (_view(service=DOWN, health=None), Status.RESTARTING, Act.REVIVE, "started again"),
    (_view(service=DOWN, health=None, pause=3, trouble="It has no licence."), Status.CRASHED, Act.NOTHING, "licence"),
    (_view(service=DOWN, health=None, wanted=KEPT_DOWN), Status.SHUTDOWN, Act.NOTHING, "as it was asked"),
    (_view(wanted=KEPT_DOWN), Status.HEALTHY, Act.NOTHING, "somebody else started it"),
    (_view(wanted=Wanted(), service=DOWN, health=None, initialised=False), Status.NEW, Act.NOTHING, "prepared yet"),
    (_view(wanted=Wanted(fault="No user u1."), service=DOWN, health=None), Status.FAILED, Act.NOTHING, "No user u1."),
    (_view(initialised=False, service=DOWN, health=None), Status.FAILED, Act.NOTHING, "data directory is gone"),
    (_view(job=_job("prepare"), wanted=Wanted(), service=DOWN, health=None), Status.BUILDING, Act.NOTHING, "prepare"),
    (_view(job=_job("restart"), service=DOWN, health=None), Status.RESTARTING, Act.NOTHING, "restart"),
    (_view(job=_job("upgrade")), Status.HEALTHY, Act.NOTHING, "answers"),
    (_view(job=_job("stop_db"), service=DOWN, health=None), Status.SHUTDOWN, Act.NOTHING, "stop_db"),
])
def test_what_it_says_and_does(view: View, status: Status, act: Act, words: str) -> None:
    decision = decide(view)
    assert (decision.status, decision.act) == (status, act)
    assert words in decision.sentence


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_the_pauses_grow_to_a_limit_and_a_long_life_ends_them() -> None:
    clock = Clock()
    backoff = Backoff(1.0, 8.0, clock)
    pauses = [backoff.pause()]
    for _ in range(6):
        backoff.count()
        pauses.append(backoff.pause())
        clock.time += backoff.pause()
    assert pauses == [0, 1, 2, 4, 8, 8, 8]
    backoff.count()
    clock.time += 7
    backoff.note_alive()
    assert backoff.pause() == 1.0
    clock.time += 2
    backoff.note_alive()
    backoff.count()
    assert backoff.pause() == 1.0


@dataclass
class Server:
    """An engine that only lives and dies."""

    host: FakeHost
    name: str = "server"
    failures: list[str] = field(default_factory=list)
    configured: int = 0
    drifted: tuple[t.Drift, ...] = ()

    def is_initialised(self) -> bool:
        return True

    def initialise(self, order: t.Prepare) -> None:
        raise AssertionError("the loop never makes a server")

    def configure(self) -> tuple[str, ...]:
        self.configured += 1
        return ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        return self.drifted

    def start(self, timeout: float) -> None:
        if self.failures:
            raise EngineFailed(self.failures.pop(0))
        self.host.start_database()

    def stop(self, timeout: float) -> None:
        raise AssertionError("the loop never stops a server")

    def health(self) -> Health:
        return Health(Status.HEALTHY, "It answers.", self.host.database().started_at)

    def close(self) -> None:
        """Nothing is open."""


class Ground:
    """A loop with a clock of its own; operations run when ``settle`` waits for them."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.host = FakeHost(clock=self.clock)
        self.host.set_command(["server"])
        self.server = Server(self.host)
        self.journal = Journal(directory)
        self.changed = threading.Condition()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.told = 0
        self.operations = Operations(self.journal, METHODS, {"restart": self._restart}, lambda job, percent: None,
                                     self._notify)
        self.loop = Loop(self.server, self.host, self.journal, self.operations, Backoff(1.0, 60.0, self.clock), 600.0,
                         30.0, self._tell, self.clock)

    def settle(self) -> None:
        """Returns when no work is under way."""
        with self.changed:
            assert self.changed.wait_for(self._idle, 20)

    def turn(self) -> Status:
        self.loop.turn()
        self.settle()
        assert self.loop.seen is not None
        return self.loop.seen.status

    def _idle(self) -> bool:
        try:
            self.operations.require_idle()
        except Busy:
            return False
        return True

    def _restart(self, job: Job) -> None:
        self.entered.set()
        assert self.gate.wait(20)

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _tell(self) -> None:
        self.told += 1


@pytest.fixture
def ground(tmp_path: Path, request: pytest.FixtureRequest) -> Ground:
    made = Ground(tmp_path)
    made.journal.want(PREPARED)
    made.operations.start()
    end: Callable[[], None] = made.journal.close
    request.addfinalizer(end)
    request.addfinalizer(lambda: made.operations.stop(10))
    request.addfinalizer(made.gate.set)
    return made


def test_a_running_server_is_adopted_untouched(ground: Ground) -> None:
    ground.host.start_database()
    assert ground.turn() is Status.HEALTHY
    assert (ground.host.starts, ground.host.stops, ground.server.configured) == (1, 0, 0)


def test_a_server_that_dies_is_started_again(ground: Ground) -> None:
    ground.host.start_database()
    ground.turn()
    ground.host.crash()
    assert ground.turn() is Status.RESTARTING
    assert ground.turn() is Status.HEALTHY
    assert (ground.host.starts, ground.server.configured) == (2, 1)


def test_a_server_that_cannot_live_is_tried_later_and_later_and_says_why(ground: Ground) -> None:
    ground.server.failures = [f"Bad page {number}." for number in range(4)]
    starts = []
    for _ in range(40):
        before = len(ground.server.failures)
        ground.turn()
        if len(ground.server.failures) < before:
            starts.append(ground.clock.time - 1000)
        elif ground.host.database().process is None:
            assert ground.loop.seen is not None and "Bad page" in ground.loop.seen.sentence
        ground.clock.time += 1
    assert starts == [0, 1, 3, 7]
    assert ground.turn() is Status.HEALTHY


def test_a_server_that_is_to_be_down_stays_down(ground: Ground) -> None:
    ground.journal.want(KEPT_DOWN)
    for _ in range(3):
        assert ground.turn() is Status.SHUTDOWN
        ground.clock.time += 100
    assert ground.host.starts == 0


def test_it_keeps_away_from_an_operation_that_is_under_way(ground: Ground) -> None:
    ground.operations.accept(request("restart"))
    assert ground.entered.wait(20)
    for _ in range(3):
        ground.loop.turn()
        ground.clock.time += 100
    assert ground.loop.seen is not None and ground.loop.seen.status is Status.RESTARTING
    assert ground.host.starts == 0
    ground.gate.set()
    ground.settle()
    assert ground.turn() is Status.RESTARTING
    assert ground.host.starts == 1


def test_it_tells_of_changes_and_of_nothing_else(ground: Ground) -> None:
    ground.host.start_database()
    for _ in range(5):
        ground.turn()
    assert ground.told == 1
    ground.host.crash()
    ground.turn()
    assert ground.told == 2


SAID = t.Drift(sentence="The volume is not mounted.")
DONE = t.Drift(sentence="A file was put right.", repaired=True)


def test_what_cannot_be_repaired_makes_a_server_less_than_healthy_until_it_is_over(ground: Ground) -> None:
    ground.host.start_database()
    assert ground.turn() is Status.HEALTHY
    ground.server.drifted = (SAID, DONE)
    ground.clock.time += 31
    for _ in range(5):
        assert ground.turn() is Status.RUNNING
    assert ground.loop.seen is not None and ground.loop.seen.sentence == f"It answers. {SAID.sentence} {DONE.sentence}"
    assert [drift.repaired for drift in ground.loop.seen.drift] == [False, True]
    assert ground.told == 2, "one change, told once"
    ground.server.drifted = ()
    ground.clock.time += 31
    assert ground.turn() is Status.HEALTHY
    assert (ground.told, ground.host.starts, ground.host.stops) == (3, 1, 0)


def test_what_is_beneath_comes_first_and_hides_nothing_of_the_server(ground: Ground) -> None:
    ground.host.start_database()
    ground.host.drifted = (SAID,)
    ground.server.drifted = (DONE,)
    assert ground.turn() is Status.RUNNING
    assert ground.loop.seen is not None and [drift.sentence for drift in ground.loop.seen.drift] == [SAID.sentence]


def test_a_directory_that_was_closed_to_it_is_named(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed() -> bool:
        raise PermissionError(13, "Permission denied", "/data")

    monkeypatch.setattr(ground.server, "is_initialised", closed)
    assert ground.turn() is Status.UNKNOWN
    assert ground.loop.seen is not None and ground.loop.seen.sentence == "/data: Permission denied."
    monkeypatch.undo()
    ground.host.start_database()
    assert ground.turn() is Status.HEALTHY


def test_a_machine_that_does_not_let_it_look_says_nothing_of_the_server(
        ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind() -> ServiceState:
        raise HostFailed("The supervisor's files are gone.")

    monkeypatch.setattr(ground.host, "database", blind)
    assert ground.turn() is Status.UNKNOWN
    assert ground.loop.seen is not None and "files are gone" in ground.loop.seen.sentence
    assert ground.host.starts == 0


def test_a_change_that_came_between_two_turns_is_told_with_fresh_facts(
        ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.journal.want(KEPT_DOWN)
    ground.turn()
    grown = t.FilesystemStats(total=10, used=7, free=3)
    monkeypatch.setattr(ground.host, "stats", lambda: grown)
    ground.journal.want(PREPARED)
    ground.host.start_database()
    assert ground.turn() is Status.HEALTHY
    assert ground.loop.seen is not None and ground.loop.seen.volume == grown
