"""The task manager: starts the flow of each operation, finds those whose nudge was lost, takes over from dead peers,
and forgets what ended long ago.

One thread does all of that; flows run in the engine's threads.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from common.errors import DeadlinePassed
from common.openstack import context, log
from trove.db import operations, settings

from . import steps
from .lease import Lease
from .services import Services
from .upkeep import Pruner

LOG = log.get(__name__)

SWEEP = 10.0
"""Seconds between two looks for operations that nobody has taken up, deadlines that passed, and leases that ran out."""

NUDGE = "taskmanager.nudge"
"""The event with which an API tells of work: ids of the instance, and of the operation or nothing."""

PEER_GONE = "a peer is gone"
ENDED = "an operation has ended"

GRACE = 60.0
"""Seconds in which an interrupted flow must have taken up its step again, and that a deadline may be passed by."""


class TaskManager:
    """One a process. ``wake`` may be called from any thread and never blocks.

    ``name`` tells it from its peers. ``on_lost`` is called when a peer has taken the lease over: the process must not
    go on running flows. ``kept_days``: how long ended operations are kept, ``events_kept_days``: how long events,
    ``audit_kept_days``: how long the audit; 0: for ever.
    """

    def __init__(self, services: Services, url: str, name: str, on_lost: Callable[[], None] | None = None,
                 kept_days: int = 0, events_kept_days: int = 0, audit_kept_days: int = 0) -> None:
        self._services = services
        self._url = url
        self._lease = Lease(services.store, name)
        self._on_lost = on_lost or (lambda: None)
        self._kept_days = kept_days
        self._events_kept_days = events_kept_days
        self._audit_kept_days = audit_kept_days
        self._nudges: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._is_up = False
        self._started_at = 0.0
        self._thread = threading.Thread(target=self._work, name="taskmanager", daemon=True)

    def start(self) -> None:
        """Takes up what a death interrupted, then what was asked for since. Raises Conflict when its name is taken."""
        from . import durable  # 50 MB, which a process without a task manager need not carry

        self._durable = durable
        self._pruner = Pruner(self._services.store, self._kept_days, durable.forget,
                              self._events_kept_days, self._audit_kept_days)
        self._lease.take()
        self._services.signals.allow(self._lease.acts_until)
        self._started_at = time.time()
        durable.launch(self._url, self._lease.executor, self._services)
        self._services.events.subscribe(NUDGE, self._hear)
        self._services.events.subscribe("operation.#", self._hear)
        self._services.events.subscribe("instance.*.hello", self._hear)
        self._thread.start()
        self._is_up = True

    def stop(self, patience: float = 10.0) -> None:
        """Flows rest where they are, for the next start or for a peer."""
        if not self._is_up:
            return
        self._is_up = False
        self._stopping.set()
        self._nudges.put(None)
        self._durable.shut_down(patience)
        self._thread.join(patience)
        self._lease.let_go()

    @property
    def flows_under_way(self) -> int:
        return self._durable.under_way() if self._is_up else 0

    def wake(self, instance_id: str, operation_id: str | None) -> None:
        """There is work, or news for the work that is under way."""
        self._services.signals.ring(instance_id)
        if operation_id is not None:
            self._nudges.put(operation_id)

    def _hear(self, key: str, ids: dict[str, Any]) -> None:
        self.wake(ids["instance_id"], ids.get("operation_id") if key == NUDGE else None)
        if key.endswith(".done"):  # what was put off until then may begin
            self._nudges.put(ENDED)

    def _work(self) -> None:
        sweep_at = 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= sweep_at:
                    sweep_at = time.monotonic() + SWEEP
                    self._sweep()
                self._await_nudge(sweep_at)
            except Exception as error:  # noqa: BLE001 (the store may be away; the next round may find it again)
                LOG.error("The task manager's round met a defect; there will be another.", error)
                self._stopping.wait(1.0)

    def _await_nudge(self, until: float) -> None:
        try:
            nudge = self._nudges.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        if nudge == PEER_GONE:
            self._take_over()
        else:
            self._start_asked()

    def _sweep(self) -> None:
        if not self._lease.renew():
            self._lose()
            return
        self._services.signals.allow(self._lease.acts_until)
        self._start_asked()
        self._end_overdue()
        self._take_over()
        self._lease.watch(lambda: self._nudges.put(PEER_GONE))
        self._pruner.turn()

    def _start_asked(self) -> None:
        settings.catch_up(self._services.store)
        with self._services.store.read() as connection:
            asked = operations.asked(connection)
        for operation_id, kind in asked:
            self._durable.start(kind, operation_id)

    def _end_overdue(self) -> None:
        """For steps that hang in a call, or whose flow broke down: nothing stays under way for ever."""
        now = time.time()
        if now - self._started_at < GRACE:
            return
        with self._services.store.read() as connection:
            overdue = operations.overdue(connection, self._lease.executor, now - GRACE)
        for operation in overdue:
            with context.bind(steps.asked_by(operation)):
                LOG.error("A step hangs.", operation=operation.id, instance=operation.instance_id, step=operation.step)
                steps.run_out(self._services, operation.id, self._lease.executor, DeadlinePassed(
                    "It took too long.", "The control plane's log says where it hangs."))

    def _take_over(self) -> None:
        """Dying half-way leaves a lease for the next peer: it is gone only when the flows are on their way."""
        for dead in self._lease.dead():
            if self._lease.take_over(dead, GRACE):
                count = self._durable.recover(dead.executor)
                self._lease.bury(dead)
                LOG.info("A task manager is gone; its flows go on.", executor=dead.executor, flows=count)

    def _lose(self) -> None:
        """A peer has the flows now: what runs here ends before its next step."""
        LOG.error("Another task manager has taken the lease over; this one stops.",
                  executor=self._lease.executor)
        self._stopping.set()
        self._services.signals.stop()
        self._on_lost()
