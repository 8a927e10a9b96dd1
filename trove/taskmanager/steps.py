"""A step of a flow: small, named, safe to do again, with a deadline and a sentence for the person who waits.

``attempt`` does a step and says in one word how it went; only such words reach the flow engine's records:

``done``       go on with the next step
``failed``     the operation and its instance say why; the flow ends
``cancelled``  somebody called it off; the flow ends
``ended``      it had ended before (its deadline passed while the step hung); the flow ends
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import DeadlinePassed, Internal, TroveError
from common.openstack import context, log
from trove.db import endings, instances, operations
from trove.db.views import Instance, Scope

from .services import Services
from .signals import Bell

LOG = log.get(__name__)

DONE, FAILED, CANCELLED, ENDED = "done", "failed", "cancelled", "ended"
LOOK_AGAIN = 5.0
"""Seconds after which a waiting step reads the store although no bell rang."""

_FIRST_RETRY, _LAST_RETRY = 0.5, 15.0


class CalledOff(Exception):
    """Somebody asked for the operation to end."""


class Final(Exception):
    """``error`` is the last word on the step: doing it again would meet the same answer."""

    def __init__(self, error: TroveError) -> None:
        super().__init__(error.message)
        self.error = error


class FlowEnded(Exception):
    """A step did not end with ``done``; ``state`` is its word."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Step:
    """``patience`` in seconds; ``body`` raises TroveError when it cannot be done."""

    name: str
    sentence: str
    patience: float
    body: Callable[["Work"], None]


def step(sentence: str, patience: float) -> Callable[[Callable[["Work"], None]], Step]:
    """Makes a function a step of the same name."""
    return lambda body: Step(body.__name__, sentence, patience, body)


class Work:
    """One step of one operation under way: what its body may ask and wait for."""

    def __init__(self, services: Services, operation_id: str, instance_id: str, deadline: float) -> None:
        self.services = services
        self.operation_id = operation_id
        self.instance_id = instance_id
        self.deadline = deadline

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.time())

    def instance(self) -> Instance:
        with self.services.store.read() as connection:
            return instances.get(connection, Scope.EVERY_PROJECT, self.instance_id)

    def check(self) -> None:
        """Raises CalledOff."""
        with self.services.store.read() as connection:
            if operations.get(connection, self.operation_id).cancel_asked:
                raise CalledOff

    def until(self, arrived: Callable[[], bool], late: DeadlinePassed) -> None:
        """Waits for ``arrived``, looking whenever the instance has news. Raises ``late`` or CalledOff."""
        with self.services.signals.watch(self.instance_id) as bell:
            while not arrived():
                self.pause(bell, late)

    def pause(self, bell: Bell, late: TroveError) -> None:
        """One look later. Raises ``late`` or CalledOff."""
        self.check()
        if not self.seconds_left:
            raise late
        bell.wait(min(LOOK_AGAIN, self.seconds_left))

    def say(self, sentence: str, percent: float | None) -> None:
        """Progress, for the person who waits."""
        with self.services.store.write() as connection:
            operations.say(connection, self.operation_id, sentence, percent)

    def announce(self, key: str) -> None:
        """Publishes an event with the instance's id. It may be lost."""
        self.services.events.publish(key, instance_id=self.instance_id)


class Run:
    """One life of a flow.

    ``record(name, function)`` gives the word that the step ended with in an earlier life, or does it now and keeps it.
    """

    def __init__(self, services: Services, operation_id: str, record: Callable[[str, Callable[[], str]], str]) -> None:
        self._services = services
        self._operation_id = operation_id
        self._record = record

    def __call__(self, what: Step) -> None:
        """Raises FlowEnded unless the step is done."""
        self._go_on(what.name, lambda: attempt(self._services, what, self._operation_id))

    def begin(self, executor: str) -> None:
        """Raises FlowEnded when the operation was called off before."""
        self._go_on("begin", lambda: begin(self._services, self._operation_id, executor))

    def succeed(self) -> None:
        """The last step of a flow."""
        self._go_on("succeed", lambda: end(self._services, self._operation_id, endings.succeed))

    def _go_on(self, name: str, function: Callable[[], str]) -> None:
        state = self._record(name, function)
        if state != DONE:
            raise FlowEnded(state)


def begin(services: Services, operation_id: str, executor: str) -> str:
    with services.store.write() as connection:
        return DONE if operations.begin(connection, operation_id, executor) else ENDED


def attempt(services: Services, what: Step, operation_id: str) -> str:
    """Does one step and leaves its traces on the operation. Raises Stopping alone."""
    with services.store.write() as connection:
        if not operations.enter_step(connection, operation_id, what.name, what.sentence, what.patience):
            return ENDED
        operation = operations.get(connection, operation_id)
    asked_by = context.RequestContext(request_id=operation.request_id, project_id=operation.project_id)
    with context.bind(asked_by):
        return _attempt(Work(services, operation_id, operation.instance_id, time.time() + what.patience), what)


def _attempt(work: Work, what: Step) -> str:
    services, operation_id = work.services, work.operation_id
    try:
        _persist(work, what)
        return DONE
    except CalledOff:
        return end(services, operation_id, endings.cancel)
    except (TroveError, Final) as error:
        reason = error.error if isinstance(error, Final) else error
        LOG.warning(f"A step failed: {reason.sentence()}", step=what.name, operation=operation_id,
                    instance=work.instance_id)
        return fail(services, operation_id, reason)
    except Exception as error:  # noqa: BLE001 (a defect of ours ends the operation, and the person is told)
        LOG.error("A step met a defect.", error, step=what.name, operation=operation_id, instance=work.instance_id)
        return fail(services, operation_id, Internal(f"Step {what.name} met a defect ({type(error).__name__}).",
                                                     "The control plane's log has the trace."))


def fail(services: Services, operation_id: str, error: TroveError) -> str:
    """Ends an operation whose deadline passed or whose step cannot be done."""
    return end(services, operation_id, lambda connection, which: endings.fail(connection, which, error))


def end(services: Services, operation_id: str, ending: Callable[..., str]) -> str:
    """Ends an operation in one transaction, and wakes whoever waits for its turn. The state that it ended in."""
    with services.store.write() as connection:
        state = ending(connection, operation_id)
        instance_id = operations.get(connection, operation_id).instance_id
    services.signals.ring(instance_id)
    services.events.publish(f"operation.{operation_id}.done", instance_id=instance_id)
    return state


def _persist(work: Work, what: Step) -> None:
    """Does the body again, later and later, while its failure is one that passes and there is time."""
    delay = _FIRST_RETRY
    while True:
        work.check()
        try:
            what.body(work)
            return
        except TroveError as error:
            if not error.retryable or isinstance(error, DeadlinePassed) or work.seconds_left <= delay:
                raise
            LOG.info(f"A step is tried again: {error.message}", step=what.name, operation=work.operation_id,
                     seconds=delay)
        with work.services.signals.watch(work.instance_id) as bell:
            bell.wait(delay)
        delay = min(delay * 2, _LAST_RETRY)
