"""A step of a flow: small, named, safe to do again, with a deadline and a sentence for the person who waits.

``attempt`` does a step and says in one word how it went; only such words reach the flow engine's records:

``done``       go on with the next step
``failed``     the operation and its instance say why; the flow ends
``cancelled``  somebody called it off; the flow ends
``ended``      it had ended before (its deadline passed while the step hung); the flow ends
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from common.errors import DeadlinePassed, Internal, TroveError, Unreachable
from common.openstack import context, log
from trove.db import endings, hosts, instances, operations
from trove.db.views import Instance, Operation, Scope
from trove.domain.hosts import gone
from trove.domain.kinds import KINDS
from trove.domain.states import Task

from .services import Services
from .signals import Bell, Stopping

LOG = log.get(__name__)

DONE, FAILED, CANCELLED, ENDED = "done", "failed", "cancelled", "ended"
LOOK_AGAIN = 5.0
"""Seconds after which a waiting step reads the store although no bell rang."""

_FIRST_RETRY, _LAST_RETRY = 0.5, 15.0

BROKER_AWAY = Unreachable("There is no connection to the message broker.",
                          "A private broker is started again by itself; its log and the control plane's say what "
                          "prevents it. Another one is its operator's to start.")


class CalledOff(Exception):
    """Somebody asked for the operation to end."""


class Final(Exception):
    """``error`` is the last word on the step: doing it again would meet the same answer."""

    def __init__(self, error: TroveError) -> None:
        super().__init__(error.message)
        self.error = error


class TimeOver(Final):
    """The step's time is over; ``error`` is what kept it."""


class FlowEnded(Exception):
    """A step did not end with ``done``; ``state`` is its word."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Step:
    """``patience`` and ``at_most`` in seconds; ``body`` raises TroveError when it cannot be done.

    Progress gives a step its whole patience again, until ``at_most`` is over; 0 when progress gives it nothing.
    """

    name: str
    sentence: str
    patience: float
    body: Callable[["Work"], None]
    at_most: float = 0.0


def step(sentence: str, patience: float, at_most: float = 0.0) -> Callable[[Callable[["Work"], None]], Step]:
    """Makes a function a step of the same name."""
    return lambda body: Step(body.__name__, sentence, patience, body, at_most)


class Work:
    """One step of one operation under way: what its body may ask, wait for and write while ``executor`` has it.

    ``deadline`` and ``limit`` in seconds since 1970: progress moves the first on, to the second at most. Time in which
    the broker is away does not count: afterwards the step has all of its patience again, as after a death.
    """

    def __init__(self, services: Services, operation_id: str, executor: str, instance_id: str, what: Step) -> None:
        self.services = services
        self.operation_id = operation_id
        self.executor = executor
        self.instance_id = instance_id
        self._what = what
        self._told: tuple[str, float | None] = (what.sentence, None)
        self._waits_for_broker = False
        self.deadline = self.limit = 0.0
        self._begin_time()

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.time())

    @property
    def seconds_at_most(self) -> float:
        """What may be left when there is progress."""
        return max(0.0, self.limit - time.time())

    def instance(self) -> Instance:
        with self.services.store.read() as connection:
            return instances.get(connection, Scope.EVERY_PROJECT, self.instance_id)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction in the store. Raises Stopping when a peer has taken the flow over."""
        with held(self.services, self.operation_id, self.executor) as connection:
            yield connection

    def check(self) -> None:
        """Raises CalledOff; Stopping when this process may not act any more; Final where the instance's machine is gone
        for good and it is not being deleted."""
        self.services.signals.require()
        with self.services.store.read() as connection:
            operation = operations.get(connection, self.operation_id)
            lost = hosts.lost_under(connection, self.instance_id)
        if operation.cancel_asked:
            raise CalledOff
        if lost is not None and KINDS[operation.kind].during is not Task.DELETING:
            raise Final(gone(lost))

    def until(self, arrived: Callable[[], bool], late: DeadlinePassed) -> None:
        """Waits for ``arrived``, looking whenever the instance has news. Raises ``late`` or CalledOff."""
        with self.services.signals.watch(self.instance_id) as bell:
            while not arrived():
                self.pause(bell, late)

    def pause(self, bell: Bell, late: TroveError) -> None:
        """One look later. Raises ``late`` or CalledOff."""
        self.check()
        if self.sat_out(bell):
            return
        if not self.seconds_left:
            raise late
        bell.wait(min(LOOK_AGAIN, self.seconds_left))

    def sat_out(self, bell: Bell) -> bool:
        """One look later when the broker is away, and the person who waits is told; False, at once, when it is not."""
        if self._is_connected():
            return False
        until = time.time() + LOOK_AGAIN
        with self.write() as connection:
            operations.wait_for_broker(connection, self.operation_id, BROKER_AWAY, until, until + self._what.patience)
        self._waits_for_broker = True
        bell.wait(LOOK_AGAIN)
        self._begin_time()
        self._is_connected()
        return True

    def _is_connected(self) -> bool:
        """Whether the broker is there; who was told that it is awaited is told when it is first seen again."""
        connected = self.services.bus.connected
        if connected and self._waits_for_broker:
            self._waits_for_broker = False
            self._tell()
        return connected

    def get_on(self, sentence: str, percent: float | None, at: float) -> None:
        """There was progress ``at`` that moment: the person who waits is told, and the deadline moves on."""
        self.deadline = max(self.deadline, min(self.limit, at + self._what.patience))
        self._told = (sentence, percent)
        self._tell()

    def note_failure(self, error: TroveError, pause: float) -> None:
        """It did not work for now and is tried again in ``pause`` seconds: the person who waits is told."""
        with self.write() as connection:
            operations.note_failure(connection, self.operation_id, error, time.time() + pause)

    def note_attempt(self) -> None:
        with self.write() as connection:
            operations.note_attempt(connection, self.operation_id)

    def announce(self, key: str) -> None:
        """Publishes an event with the instance's id. It may be lost."""
        self.services.events.publish(key, instance_id=self.instance_id)

    def _begin_time(self) -> None:
        self.deadline = time.time() + self._what.patience
        self.limit = max(self.deadline, time.time() + self._what.at_most)

    def _tell(self) -> None:
        with self.write() as connection:
            operations.get_on(connection, self.operation_id, *self._told, self.deadline)


class Run:
    """One life of a flow, in the hands of ``executor``.

    ``record(name, function)`` gives the word that the step ended with in an earlier life, or does it now and keeps it.
    A flow has no two steps of the same name.
    """

    def __init__(self, services: Services, operation_id: str, executor: str,
                 record: Callable[[str, Callable[[], str]], str]) -> None:
        self._services = services
        self._operation_id = operation_id
        self._executor = executor
        self._record = record

    def __call__(self, what: Step) -> None:
        """Raises FlowEnded unless the step is done."""
        self._go_on(what.name, lambda: attempt(self._services, what, self._operation_id, self._executor))

    def begin(self) -> None:
        """In every life. Raises FlowEnded when the operation has ended, as when it was called off before."""
        if not begin(self._services, self._operation_id, self._executor):
            raise FlowEnded(ENDED)

    def succeed(self) -> None:
        """The last step of a flow."""
        self._go_on("succeed", lambda: end(self._services, self._operation_id, self._executor, endings.succeed))

    def _go_on(self, name: str, function: Callable[[], str]) -> None:
        state = self._record(name, function)
        if state != DONE:
            raise FlowEnded(state)


@contextmanager
def held(services: Services, operation_id: str, executor: str) -> Iterator[Connection]:
    """One transaction in the store, for who has the operation. Raises Stopping for everybody else."""
    services.signals.require()
    with services.store.write() as connection:
        if not operations.is_held(connection, operation_id, executor):
            raise Stopping
        yield connection


def begin(services: Services, operation_id: str, executor: str) -> bool:
    """Takes the operation into the hands of ``executor``. False when it has ended."""
    with services.store.write() as connection:
        before = operations.get(connection, operation_id)
        if not operations.begin(connection, operation_id, executor):
            return False
    with context.bind(asked_by(before)):
        LOG.info("A flow goes on." if before.step else "A flow begins.", kind=before.kind, operation=operation_id,
                 instance=before.instance_id)
    return True


def attempt(services: Services, what: Step, operation_id: str, executor: str) -> str:
    """Does one step and leaves its traces on the operation. Raises Stopping, and OperationalError without a store."""
    with held(services, operation_id, executor) as connection:
        if not operations.enter_step(connection, operation_id, what.name, what.sentence, what.patience):
            return ENDED
        operation = operations.get(connection, operation_id)
    with context.bind(asked_by(operation)):
        LOG.info(what.sentence, step=what.name, operation=operation_id, instance=operation.instance_id)
        return _attempt(Work(services, operation_id, executor, operation.instance_id, what), what)


def _attempt(work: Work, what: Step) -> str:
    services, operation_id = work.services, work.operation_id
    try:
        _persist(work, what)
        return DONE
    except CalledOff:
        return end(services, operation_id, work.executor, endings.cancel)
    except OperationalError:
        raise
    except TimeOver as over:
        return run_out(services, operation_id, work.executor, over.error)
    except (TroveError, Final) as error:
        reason = error.error if isinstance(error, Final) else error
        LOG.warning(f"A step failed: {reason.sentence()}", step=what.name, operation=operation_id,
                    instance=work.instance_id)
        return fail(services, operation_id, work.executor, reason)
    except Exception as error:  # noqa: BLE001 (a defect of ours ends the operation, and the person is told)
        LOG.error("A step met a defect.", error, step=what.name, operation=operation_id, instance=work.instance_id)
        return fail(services, operation_id, work.executor, Internal(
            f"Step {what.name} met a defect ({type(error).__name__}).", "The control plane's log has the trace."))


def run_out(services: Services, operation_id: str, executor: str, error: TroveError) -> str:
    """Ends an operation whose deadline passed: in the log, as an event, and on the operation with its last sentence."""
    with services.store.read() as connection:
        operation = operations.get(connection, operation_id)
    if operation.ended:  # while the step hung
        return operation.state
    LOG.warning(f"The time for a step is over: {error.sentence()}", step=operation.step, operation=operation_id,
                instance=operation.instance_id)
    services.events.publish(f"operation.{operation_id}.late", instance_id=operation.instance_id)
    message = f"{error.message} Time ran out during: {operation.sentence}"
    return end(services, operation_id, executor, lambda connection, which: endings.run_out(
        connection, which, type(error)(message, error.hint)))


def fail(services: Services, operation_id: str, executor: str, error: TroveError) -> str:
    """Ends an operation whose step cannot be done."""
    return end(services, operation_id, executor, lambda connection, which: endings.fail(connection, which, error))


def end(services: Services, operation_id: str, executor: str, ending: Callable[..., str]) -> str:
    """Ends an operation in one transaction, and wakes whoever waits for its turn. The state that it ended in."""
    with held(services, operation_id, executor) as connection:
        before = operations.get(connection, operation_id)
        with context.bind(asked_by(before)):
            state = ending(connection, operation_id)
    if not before.ended:
        seconds = time.time() - before.created
        services.figures.operation_ended(before.kind, before.step, state, seconds)
        _tell_end(before, state, seconds)
    services.signals.ring(before.instance_id)
    services.events.publish(f"operation.{operation_id}.done", instance_id=before.instance_id)
    return state


def _tell_end(operation: Operation, state: str, seconds: float) -> None:
    with context.bind(asked_by(operation)):
        LOG.info("An operation has ended.", kind=operation.kind, state=state, step=operation.step,
                 seconds=round(seconds, 1), operation=operation.id, instance=operation.instance_id)


def asked_by(operation: Operation) -> context.RequestContext:
    """Under whose request id everything is done and logged that the operation causes, here and on the guest."""
    return context.RequestContext(request_id=operation.request_id, project_id=operation.project_id)


def _persist(work: Work, what: Step) -> None:
    """Does the body again, later and later, while its failure is one that passes and there is time.

    Raises TimeOver, CalledOff, and what the body raises for good.
    """
    delay = _FIRST_RETRY
    while True:
        work.check()
        try:
            what.body(work)
            return
        except TroveError as error:
            if not error.retryable:
                raise
            if isinstance(error, Unreachable) and _sat_out(work):
                continue
            if isinstance(error, DeadlinePassed) or work.seconds_left <= delay:
                raise TimeOver(error) from None
            work.note_failure(error, delay)
            LOG.info(f"A step is tried again: {error.message}", step=what.name, operation=work.operation_id,
                     seconds=delay)
        with work.services.signals.watch(work.instance_id) as bell:
            bell.wait(delay)
        work.note_attempt()
        delay = min(delay * 2, _LAST_RETRY)


def _sat_out(work: Work) -> bool:
    """Waits until the broker is there; False, at once, when it is. Raises CalledOff."""
    with work.services.signals.watch(work.instance_id) as bell:
        waited = False
        while work.sat_out(bell):
            waited = True
            work.check()
    return waited
