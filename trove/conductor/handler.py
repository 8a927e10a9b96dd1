"""What becomes of a report. Whose it is follows from the key that opened it; it is written to that instance alone."""

import math
import time
from collections.abc import Callable
from typing import Any

from common import contract
from common.contract import types as t
from common.contract.check import check_handlers
from common.contract.declare import Method
from common.openstack import context, log
from trove.db import observations, orders
from trove.db.store import Store

from . import plausible
from .ports import Events

LOG = log.get(__name__)

TOLERATED_SKEW = 30.0
"""Seconds by which a guest's clock may differ before the log says so."""

LASTING = 120.0
"""Seconds for which it must have differed: reports that waited for the broker look like those of a slow clock."""

_TOLD = math.inf


class Handler:
    """One method for each of ``contract.Conductor``. Raises TypeError when they do not agree."""

    def __init__(self, store: Store, events: Events, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._skewed_since: dict[str, float] = {}
        self._handlers: dict[str, Callable[..., None]] = {
            "hello": self.hello, "heartbeat": self.heartbeat, "progress": self.progress, "result": self.result}
        check_handlers(contract.Conductor, self._handlers, beside=("instance_id",))

    def handle(self, instance_id: str, method: Method, arguments: dict[str, Any]) -> None:
        """Writes it down, then tells whoever waits. Raises Invalid for what no agent says."""
        self._handlers[method.name](instance_id, **plausible.told(arguments))

    def hello(self, instance_id: str, hello: t.Hello) -> None:
        with self._store.write() as connection:
            accepted = observations.accept_hello(connection, instance_id, hello)
        if accepted:
            LOG.info("An agent says hello.", instance=instance_id, version=hello.agent.agent_version,
                     life=hello.stamp.boot_count)
            self._events.publish(f"instance.{instance_id}.hello", instance_id=instance_id)

    def heartbeat(self, instance_id: str, heartbeat: t.Heartbeat) -> None:
        now = self._clock()
        with self._store.write(lasting=False) as connection:
            accepted = observations.accept_unchanged(connection, instance_id, heartbeat, now)
        if not accepted:
            with self._store.write() as connection:
                accepted = observations.accept_heartbeat(connection, instance_id, heartbeat, now)
        if accepted:
            self._watch_clock(instance_id, heartbeat.sent_at - now, now)
            self._events.publish(f"instance.{instance_id}.heartbeat", instance_id=instance_id)

    def progress(self, instance_id: str, progress: t.Progress) -> None:
        with self._store.write() as connection:
            accepted = orders.note_progress(connection, instance_id, progress)
        if accepted:
            self._events.publish(f"operation.{progress.operation_id}.progress", instance_id=instance_id)

    def result(self, instance_id: str, result: t.Result) -> None:
        """Told again when it comes again: the first telling may have died with its process."""
        with self._store.write() as connection:
            noted = orders.note_result(connection, instance_id, result)
            asked_by = orders.request_id(connection, result.operation_id)
        with context.bind(context.RequestContext(request_id=asked_by)):
            LOG.info("A guest has ended its work." if noted else "A result is known already, or nobody asked for it.",
                     instance=instance_id, order=result.operation_id, state=result.state.value)
        self._events.publish(f"operation.{result.operation_id}.done", instance_id=instance_id)

    def _watch_clock(self, instance_id: str, skew: float, now: float) -> None:
        if abs(skew) <= TOLERATED_SKEW:
            self._skewed_since.pop(instance_id, None)
        elif now - self._skewed_since.setdefault(instance_id, now) >= LASTING:
            self._skewed_since[instance_id] = _TOLD
            LOG.warning("The clock of an instance differs from ours. Set both by NTP.", instance=instance_id,
                        seconds=round(skew))
