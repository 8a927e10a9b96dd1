"""From nothing to a server, and through its deaths."""

import signal
import time

from common.contract.types import ServiceStatus
from common.errors import Conflict, Invalid, TroveError

from ..datastores.base import implemented
from .asking import leave, left, prepare, refused
from .subject import Subject

START = 60.0


def declares_what_it_implements(subject: Subject) -> None:
    assert implemented(subject.engine) == subject.manifest.capabilities


def does_nothing_when_it_is_made(subject: Subject) -> None:
    assert not subject.engine.is_initialised()
    assert subject.engine.health().status is ServiceStatus.SHUTDOWN
    assert subject.host.starts == 0


def does_not_start_before_it_is_initialised(subject: Subject) -> None:
    with refused(Conflict):
        subject.engine.start(START)
    assert subject.host.database().process is None


def initialises_and_leaves_the_server_down(subject: Subject) -> None:
    subject.engine.initialise(prepare())
    assert subject.engine.is_initialised()
    assert subject.engine.health().status is ServiceStatus.SHUTDOWN


def is_not_made_with_settings_that_are_no_tenants(subject: Subject) -> None:
    for name in ("port", "no\nname"):
        with refused(Invalid, naming=repr(name)):
            subject.engine.initialise(prepare(overrides={name: "1"}))
    assert not subject.engine.is_initialised()


def serves_when_start_returns(subject: Subject) -> None:
    _serve(subject)
    health = subject.engine.health()
    assert health.status is ServiceStatus.HEALTHY, health
    assert health.started_at is not None
    assert left(subject) == []


def initialises_once(subject: Subject) -> None:
    _serve(subject)
    leave(subject, "kept")
    subject.engine.initialise(prepare())
    assert left(subject) == ["kept"]


def initialises_wholly_or_not_at_all(subject: Subject) -> None:
    for patience in (0.02, 0.1, 0.3, 0.45):
        subject.host.kill_job_after = patience
        try:
            subject.engine.initialise(prepare())
        except TroveError:
            assert not subject.engine.is_initialised()
    subject.engine = subject.remake()
    _serve(subject)
    leave(subject, "works")
    assert left(subject) == ["works"]


def starts_a_running_server_by_leaving_it_alone(subject: Subject) -> None:
    _serve(subject)
    process = subject.host.database().process
    subject.engine.start(START)
    assert subject.host.database().process == process
    assert subject.host.starts == 1


def is_adopted_untouched(subject: Subject) -> None:
    _serve(subject)
    leave(subject, "kept")
    process = subject.host.database().process
    subject.engine.close()
    newcomer = subject.remake()
    newcomer.configure()
    assert newcomer.is_initialised()
    assert newcomer.health().status is ServiceStatus.HEALTHY
    subject.engine = newcomer
    assert left(subject) == ["kept"]
    assert subject.host.database().process == process


def goes_on_when_the_engine_lets_go(subject: Subject) -> None:
    _serve(subject)
    subject.engine.close()
    subject.engine.close()
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert left(subject) == []


def stops_twice(subject: Subject) -> None:
    _serve(subject)
    subject.engine.stop(START)
    subject.engine.stop(START)
    assert subject.engine.health().status is ServiceStatus.SHUTDOWN
    assert subject.host.database().process is None


def keeps_what_it_has_over_a_restart(subject: Subject) -> None:
    _serve(subject)
    leave(subject, "kept")
    subject.engine.stop(START)
    subject.engine.start(START)
    assert left(subject) == ["kept"]


def says_that_it_crashed_and_recovers(subject: Subject) -> None:
    _serve(subject)
    leave(subject, "kept")
    subject.host.signal(signal.SIGKILL)
    assert subject.engine.health().status is ServiceStatus.CRASHED
    subject.engine.start(START)
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert left(subject) == ["kept"]


def refuses_orders_while_it_is_down(subject: Subject) -> None:
    subject.engine.initialise(prepare())
    for order in (lambda: left(subject), lambda: leave(subject, "a"), subject.engine.is_root_enabled):
        try:
            order()
        except TroveError as error:
            assert error.code == "not_ready" and error.retryable
        else:
            raise AssertionError("answered while it was down")


def tells_its_health_within_two_seconds(subject: Subject) -> None:
    """Also of a server that is there and says nothing."""
    _serve(subject)
    subject.host.signal(signal.SIGSTOP)
    begin = time.monotonic()
    subject.engine.health()
    assert time.monotonic() - begin < 2
    subject.host.signal(signal.SIGCONT)
    assert subject.engine.health().status is ServiceStatus.HEALTHY


def _serve(subject: Subject) -> None:
    subject.engine.initialise(prepare())
    subject.engine.start(START)
