"""The taking end of reports: what guests say of their own accord, opened, checked and handed on."""

import heapq
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.contract import version
from common.contract.conductor import Conductor
from common.contract.declare import Kind, Method, methods
from common.contract.version import CONTRACT_VERSION
from common.crypto import Key, Unopened
from common.errors import Invalid, TroveError
from common.openstack import context
from common.openstack.rpc import envelope, sealing
from common.openstack.rpc.connection import Bus, Delivery

from . import names

LOG = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
"""Seconds before a report that could not be written down is tried again; doubled each time."""

_ATTEMPTS = 10
_LONGEST_PAUSE = 60.0


def nobody(_instance_id: str, _reason: str) -> None:
    """Nobody is told of what is not handled."""


class ConductorServer:
    """Takes the reports of the guests it watches, one at a time, on a thread of its own.

    ``key_of(instance_id)`` gives the key from that guest, or None when there is no such guest. ``handle(instance_id,
    method, arguments)`` writes a report down; the report is acknowledged when it has returned. What ``handle`` cannot
    write down now is tried again, later and later, and given up after ten attempts (about five minutes); a TroveError
    that is not retryable is given up at once. ``dropped`` counts, by reason, what was not
    handled, and ``on_drop(instance_id, reason)`` is told of it; it must not fail.
    """

    def __init__(self, bus: Bus, key_of: Callable[[str], Key | None],
                 handle: Callable[[str, Method, dict[str, Any]], None], contract: type = Conductor,
                 on_drop: Callable[[str, str], None] = nobody) -> None:
        self._bus = bus
        self._key_of = key_of
        self._handle = handle
        self._on_drop = on_drop
        self._methods = methods(contract)
        self._inbox: queue.SimpleQueue[_Report | None] = queue.SimpleQueue()
        self._later: list[_Report] = []
        self._watched: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="reports", daemon=True)
        self.dropped: Counter[str] = Counter()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Returns when the report under way is written or ``timeout`` seconds are over; the rest stays with the
        broker.
        """
        self._inbox.put(None)
        self._thread.join(timeout)

    def watch(self, instance_id: str) -> None:
        """Nothing to do when it is watched already."""
        if instance_id not in self._watched:
            self._watched.add(instance_id)
            self._bus.consume(names.reports(instance_id),
                              lambda delivery: self._inbox.put(_Report(0.0, instance_id, delivery)))

    def unwatch(self, instance_id: str) -> None:
        self._watched.discard(instance_id)
        self._bus.cancel(names.reports(instance_id))

    def _work(self) -> None:
        while True:
            try:
                report = self._next()
            except queue.Empty:
                continue
            if report is None:
                return
            try:
                self._take(report)
            except Exception:
                LOG.exception("A defect lost a report of guest %s", report.instance_id)
                self._drop(report, "defect")

    def _next(self) -> "_Report | None":
        """The next report, from those that wait for another attempt or from the bus. Raises queue.Empty."""
        if self._later and self._later[0].due <= time.monotonic():
            return heapq.heappop(self._later)
        pause = max(0.0, self._later[0].due - time.monotonic()) if self._later else None
        return self._inbox.get(timeout=pause)

    def _take(self, report: "_Report") -> None:
        opened = self._open(report)
        if opened is None:
            return
        request, method = opened
        try:
            arguments = sealing.unpack_arguments(method, request.arguments)
        except Invalid as error:
            LOG.warning("A report of guest %s is not of the contract's shape: %s", report.instance_id, error)
            self._drop(report, "invalid")
            return
        with context.bind(request.context):
            self._write_down(report, method, arguments)

    def _open(self, report: "_Report") -> tuple[sealing.Request, Method] | None:
        """The report, or None after dropping it. Nothing that does not open is written to a log."""
        key = self._key_of(report.instance_id)
        if key is None:
            self._drop(report, "unknown guest")
            return None
        try:
            clear = envelope.read_request(report.delivery.body)
            request = sealing.open_request(key, clear.args.sealed)
        except (Invalid, Unopened):
            LOG.warning("A report on the queue of guest %s does not open with its key", report.instance_id)
            self._drop(report, "unopened")
            return None
        method = self._methods.get(request.method)
        if request.method != clear.method or request.kind is not Kind.CAST:
            LOG.warning("A report of guest %s says one thing in clear and another sealed", report.instance_id)
            self._drop(report, "mismatched")
            return None
        if method is None or not version.understands(CONTRACT_VERSION, request.version):
            LOG.warning("Guest %s reports in version %s of the contract, which this conductor does not speak: upgrade "
                        "the control plane", report.instance_id, request.version)
            self._drop(report, "too new")
            return None
        return request, method

    def _write_down(self, report: "_Report", method: Method, arguments: dict[str, Any]) -> None:
        try:
            self._handle(report.instance_id, method, arguments)
        except TroveError as error:
            if error.retryable:
                self._put_off(report, method)
            else:
                LOG.warning("A %s of guest %s was not written down: %s", method.name, report.instance_id,
                            error.sentence())
                self._drop(report, error.code)
        except Exception:
            LOG.exception("A %s of guest %s could not be written down", method.name, report.instance_id)
            self._put_off(report, method)
        else:
            report.delivery.ack()

    def _put_off(self, report: "_Report", method: Method) -> None:
        report.attempts += 1
        if report.attempts >= _ATTEMPTS:
            LOG.error("A %s of guest %s is given up after %d attempts", method.name, report.instance_id,
                      report.attempts)
            self._drop(report, "given up")
            return
        report.due = time.monotonic() + min(_LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (report.attempts - 1))
        heapq.heappush(self._later, report)

    def _drop(self, report: "_Report", reason: str) -> None:
        self.dropped[reason] += 1
        self._on_drop(report.instance_id, reason)
        report.delivery.ack()


@dataclass(slots=True, order=True)
class _Report:
    """A delivery of a guest's queue; ``due`` (of ``time.monotonic``) when it is to be tried again."""

    due: float
    instance_id: str = field(compare=False)
    delivery: Delivery = field(compare=False)
    attempts: int = field(compare=False, default=0)
