"""The job service: orders to ``runner.py`` and what it answers."""

import hashlib
import os
import select
import signal
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from common.errors import Busy, DeadlinePassed, HostFailed

from . import files
from .base import Finished
from .layout import JOB, Layout
from .supervision import Supervised

_OUTPUT = 64 * 1024
_MESSAGE = 1 << 20
_TAKEN = 0.1
"""Seconds within which a runner takes an order; then it is called again, as it may just have been leaving."""
_LOOK_AGAIN = 1.0
"""Seconds after which we look whether a runner that says nothing is still there."""
_GRACE = 10.0
"""Seconds that the runner may need to end a job that is over its time."""

T = TypeVar("T")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A job for the runner. ``digest`` names what is to be done, ``id`` this doing of it; ``timeout`` in seconds."""

    id: str
    digest: str
    argv: tuple[str, ...]
    timeout: float
    stdin: bool


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner says of the job that it took last; ``exit_code`` is None while it runs."""

    id: str
    pid: int
    exit_code: int | None
    timed_out: bool


class Jobs:
    """Jobs of one instance, one at a time. An order stays on disk until its answer was collected."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._service = Supervised(layout.supervise(JOB))

    def run(self, argv: tuple[str, ...], timeout: float, stdin: bytes) -> Finished:
        deadline = time.monotonic() + timeout
        digest = _digest(argv, stdin)
        order = self._pending()
        if order is not None and order.digest != digest:
            self._stand_in_line(order, deadline)
            order = None
        if order is None:
            order = self._order(argv, digest, timeout, stdin)
        return self._collect(order, deadline)

    def _pending(self) -> Order | None:
        """The order whose answer nobody has collected, if there is one."""
        return _read(self._layout.job, Order)

    def _state(self, order: Order) -> State | None:
        """What the runner says of this order; None when it has not taken it."""
        state = _read(self._layout.job_state, State)
        return state if state is not None and state.id == order.id else None

    def _stand_in_line(self, order: Order, deadline: float) -> None:
        """Waits for the end of somebody else's job. Raises Busy when ours has no time left by then."""
        while (state := self._state(order)) is not None and state.exit_code is None and self._service.process():
            if time.monotonic() > deadline:
                raise Busy(f"Another job is under way: {Path(order.argv[0]).name}.", "Try again later.")
            self._await_news(order, deadline, _LOOK_AGAIN)

    def _order(self, argv: tuple[str, ...], digest: str, timeout: float, stdin: bytes) -> Order:
        order = Order(id=os.urandom(8).hex(), digest=digest, argv=argv, timeout=timeout, stdin=bool(stdin))
        self._layout.job.unlink(missing_ok=True)
        if stdin:
            files.write(self._layout.job_input, stdin, mode=0o640)
        files.write(self._layout.job, msgspec.json.encode(order), mode=0o640)
        return order

    def _collect(self, order: Order, deadline: float) -> Finished:
        while (state := self._state(order)) is None or state.exit_code is None:
            if time.monotonic() > deadline + _GRACE:
                raise _too_late(order)
            if state is None:
                self._service.tell(b"oc")
            elif state.pid:
                self._layout.job_input.unlink(missing_ok=True)  # the job has it open; it may hold passwords
            if state is not None and self._service.process() is None and self._is_abandoned(order):
                break
            self._await_news(order, deadline + _GRACE, _LOOK_AGAIN if state else _TAKEN)
        return self._close(order, state)

    def _is_abandoned(self, order: Order) -> bool:
        """Whether the runner died before it could say how the job ended."""
        self._service.await_down(_GRACE)
        state = self._state(order)
        return state is not None and state.exit_code is None

    def _close(self, order: Order, state: State) -> Finished:
        output = files.tail(self._layout.job_output, _OUTPUT)
        self._layout.job_input.unlink(missing_ok=True)
        self._layout.job.unlink(missing_ok=True)
        if state.timed_out:
            raise _too_late(order)
        return Finished(-signal.SIGKILL if state.exit_code is None else state.exit_code, output)

    def _await_news(self, order: Order, deadline: float, patience: float) -> None:
        """Returns when the runner said something, or after ``patience`` seconds."""
        pipe = os.open(self._layout.news, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if (state := self._state(order)) is None or state.exit_code is None:
                poll = select.poll()
                poll.register(pipe, select.POLLIN)
                poll.poll(max(0.0, min(patience, deadline - time.monotonic())) * 1000)
        finally:
            os.close(pipe)


def _digest(argv: tuple[str, ...], stdin: bytes) -> str:
    return hashlib.sha256(msgspec.json.encode((argv, hashlib.sha256(stdin).hexdigest()))).hexdigest()


def _too_late(order: Order) -> DeadlinePassed:
    return DeadlinePassed(f"{Path(order.argv[0]).name} took longer than {order.timeout:.0f} s and was stopped.")


def _read(path: Path, kind: type[T]) -> T | None:
    data = files.read(path, _MESSAGE)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise HostFailed(f"{path} is damaged: {error}.", "Remove the file.") from error
