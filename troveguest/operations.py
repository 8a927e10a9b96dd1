"""Long work, one piece after the other on one thread: journalled, answered by its id, resumed after a death."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.contract import types as t
from common.contract.declare import Method
from common.crypto import wipe
from common.errors import Busy, DeadlinePassed, Internal, Invalid, TroveError
from common.openstack import context, log
from common.openstack.rpc import sealing

from .bus.server import Request
from .journal import Accepted, Journal

LOG = log.get(__name__)


@dataclass(slots=True)
class Job:
    """One operation while it runs; times in seconds since 1970. ``sentence`` says how far it is."""

    operation_id: str
    method: str
    accepted_at: float
    deadline: float
    report: Callable[["Job", float | None], None] = field(repr=False)
    sentence: str = ""

    def tell(self, sentence: str, percent: float | None = None) -> None:
        """Lets people know how far it is."""
        self.sentence = sentence
        self.report(self, percent)

    def remaining(self) -> float:
        """Seconds that are left. Raises DeadlinePassed."""
        left = self.deadline - time.time()
        if left <= 0:
            where = f" while: {self.sentence}" if self.sentence else "."
            raise DeadlinePassed(f"The time for {self.method} is over{where}", "Ask again; what is done stays done.")
        return left


class HandedOver(Exception):
    """The next life of the agent takes this operation up again; this one begins nothing more."""


Handler = Callable[..., object]
Report = Callable[[Job, float | None], None]


class Operations:
    """``handlers`` take the Job as ``job`` and the arguments by name. ``changed`` is called when one begins or ends."""

    def __init__(self, journal: Journal, known: Mapping[str, Method], handlers: Mapping[str, Handler],
                 report: Report, changed: Callable[[], None]) -> None:
        self._journal = journal
        self._known = known
        self._handlers = handlers
        self._report = report
        self._changed = changed
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._pending = 0
        self._current: Job | None = None
        self._thread = threading.Thread(target=self._work, name="operations", daemon=True)

    def start(self) -> None:
        """Takes up what an earlier life left unfinished."""
        for order in self._journal.unfinished():
            LOG.info("An operation that was under way is taken up again.", method=order.method,
                     operation=order.operation_id)
            self._enqueue(order)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Whether the work under way ended in time; what did not is taken up again by the next life."""
        self._waiting.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def current(self) -> Job | None:
        """What is under way."""
        return self._current

    def require_idle(self) -> None:
        """Raises Busy while an operation is under way or waits."""
        with self._lock:
            if self._pending:
                under_way = self._current.method if self._current else "an operation"
                raise Busy(f"The instance is busy: {under_way} is under way.", "Try again when it has ended.")

    def accept(self, request: Request) -> t.Ticket:
        """In the journal when this returns; known ids are answered and not done again. Raises Invalid."""
        with self._lock:
            ticket = self._journal.ticket(request.operation_id)
            if ticket is not None:
                if self._journal.method(request.operation_id) != request.method.name:
                    raise Invalid(f"Operation {request.operation_id} is not a {request.method.name}.", "Draw a new id.")
                return ticket
            now = time.time()
            order = Accepted(
                operation_id=request.operation_id, method=request.method.name, context=request.context, accepted_at=now,
                deadline=now + request.timeout, arguments=sealing.pack_arguments(request.method, request.arguments))
            self._journal.accept(order)
        self._enqueue(order)
        return t.Ticket(operation_id=order.operation_id, state=t.OperationState.RUNNING)

    def attempt(self, name: str, work: Callable[[Job], None], timeout: float) -> bool:
        """Does something of the agent's own accord, unless an operation is under way; whether it will."""
        now = time.time()
        job = Job("", name, now, now + timeout, lambda job, percent: None)
        with self._lock:
            if self._pending:
                return False
            self._pending += 1
        self._waiting.put(lambda: self._run(job, lambda: work(job)))
        return True

    def _enqueue(self, order: Accepted) -> None:
        with self._lock:
            self._pending += 1
        self._waiting.put(lambda: self._carry_out(order))

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                work()
            except HandedOver:
                return
            with self._lock:
                self._pending -= 1
            self._changed()

    def _carry_out(self, order: Accepted) -> None:
        job = Job(order.operation_id, order.method, order.accepted_at, order.deadline, self._report)
        with context.bind(order.context):
            failure = self._run(job, lambda: self._handle(job, order))
            self._journal.end(order.operation_id, failure)
            wipe(memoryview(order.arguments))
            if failure is None:
                LOG.info("An operation is done.", method=job.method, operation=job.operation_id)
            else:
                LOG.warning("An operation failed.", method=job.method, operation=job.operation_id, code=failure.code,
                            why=f"{failure.message} {failure.hint}".strip())

    def _handle(self, job: Job, order: Accepted) -> None:
        method = self._known.get(order.method)
        if method is None:
            raise Invalid(f"This agent does not know {order.method}, which another release of it took.")
        self._handlers[order.method](job=job, **sealing.unpack_arguments(method, order.arguments))

    def _run(self, job: Job, work: Callable[[], None]) -> t.Failure | None:
        self._current = job
        self._changed()
        try:
            work()
        except HandedOver:
            raise
        except TroveError as error:
            return t.Failure(code=error.code, message=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 (a defect ends the operation, not the agent)
            LOG.error(f"A defect ended {job.method}.", error, operation=job.operation_id)
            return t.Failure(code=Internal.code, message=f"The guest agent has a defect that ended {job.method}.",
                             hint=f"Its log has the trace under {context.current().request_id or job.operation_id}.")
        finally:
            self._current = None
        return None
