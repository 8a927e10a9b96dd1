"""An agent's journal, worker and lifecycle over an engine, without bus and loop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest
from common.openstack.context import RequestContext

from ..bus.server import Request
from ..handlers.lifecycle import Lifecycle
from ..host.base import Host
from ..host.fake import FakeHost
from ..journal import Journal
from ..operations import Job, Operations

METHODS = methods(Guest)


def request(name: str, operation_id: str = "op-1", timeout: float = 60.0, **arguments: object) -> Request:
    return Request(method=METHODS[name], arguments=arguments, context=RequestContext(request_id="req-1"),
                   operation_id=operation_id, timeout=timeout)


class Agent:
    """``told`` are the sentences of progress."""

    def __init__(self, directory: Path, engine: Any, host: Host | None = None,
                 handlers: dict[str, Callable[..., object]] | None = None) -> None:
        self.journal = Journal(directory)
        self.told: list[str] = []
        self.changed = threading.Condition()
        self.lifecycle = Lifecycle(engine, host or FakeHost(), self.journal)
        self.operations = Operations(self.journal, METHODS, handlers or self.lifecycle.handlers(),
                                     self._tell, self._notify)

    def order(self, name: str, operation_id: str = "op-1", timeout: float = 60.0, **arguments: object) -> t.Ticket:
        """Gives the order and waits for its end."""
        self.operations.accept(request(name, operation_id, timeout, **arguments))
        return self.ended(operation_id)

    def ended(self, operation_id: str) -> t.Ticket:
        def done() -> bool:
            ticket = self.journal.ticket(operation_id)
            return ticket is not None and ticket.state is not t.OperationState.RUNNING

        with self.changed:
            assert self.changed.wait_for(done, 20), f"{operation_id} does not end"
        ticket = self.journal.ticket(operation_id)
        assert ticket is not None
        return ticket

    def _tell(self, job: Job, percent: float | None) -> None:
        self.told.append(job.sentence)

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()


@contextmanager
def agent(directory: Path, engine: Any, host: Host | None = None,
          handlers: dict[str, Callable[..., object]] | None = None) -> Iterator[Agent]:
    made = Agent(directory, engine, host, handlers)
    made.operations.start()
    try:
        yield made
    finally:
        made.operations.stop(10)
        made.journal.close()
