"""The taking end of reports: what guests say of their own accord, opened, checked and handed on."""

import contextlib
import heapq
import logging
import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from common.contract import version
from common.contract.conductor import Conductor
from common.contract.declare import Kind, Method, methods
from common.contract.version import CONTRACT_VERSION
from common.crypto import Key, Unopened
from common.errors import Invalid, TroveError
from common.openstack import context
from common.openstack.context import RequestContext
from common.openstack.rpc import envelope, sealing
from common.openstack.rpc.connection import Bus, Delivery
from trove.domain.words import plain

from . import names
from .pace import Pace

LOG = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
"""Seconds before a report that could not be written down is tried again; doubled each time."""

RATE, BURST = 5.0, 100
"""Reports a second that are taken of one guest, and how many at once. What is more waits at the broker, bounded."""

MOST_BYTES = 256 * 1024
"""Of a report; a longer one is not looked at."""

TAKEN = 20
"""Reports of one guest that are in memory at a time."""

QUIET = 60.0
"""Seconds for which the log has no second line of the same about the same guest."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

_ATTEMPTS = 10
_LONGEST_PAUSE = 60.0
_SHOWN, _VERSION = 300, 16


def nobody(_instance_id: str, _reason: str) -> None:
    """Nobody is told of what is not handled."""


class ConductorServer:
    """Takes the reports of the guests it watches, one at a time, on a thread of its own.

    ``keys_of(instance_id)`` gives the keys from that guest by their epochs: two while they are changed, none when there
    is no such guest. ``handle(instance_id,
    method, arguments)`` writes a report down; the report is acknowledged when it has returned. What ``handle`` cannot
    write down now is tried again, later and later, and given up after ten attempts (about five minutes); a TroveError
    that is not retryable is given up at once. ``dropped`` counts, by reason, what was not
    handled, and ``on_drop(instance_id, reason)`` is told of it; it must not fail.
    """

    def __init__(self, bus: Bus, keys_of: Callable[[str], Mapping[int, Key]],
                 handle: Callable[[str, Method, dict[str, Any]], None], contract: type = Conductor,
                 on_drop: Callable[[str, str], None] = nobody) -> None:
        self._bus = bus
        self._keys_of = keys_of
        self._handle = handle
        self._on_drop = on_drop
        self._methods = methods(contract)
        self._inbox: queue.SimpleQueue[_Report | None] = queue.SimpleQueue()
        self._later: list[_Report] = []
        self._watched: set[str] = set()
        self._pace = Pace(RATE, BURST)
        self._logged: dict[tuple[str, str], float] = {}
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
                              lambda delivery: self._inbox.put(_Report.of(instance_id, delivery)), prefetch=TAKEN)

    def unwatch(self, instance_id: str) -> None:
        self._watched.discard(instance_id)
        self._pace.forget(instance_id)
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
                if self._is_due(report):
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

    def _is_due(self, report: "_Report") -> bool:
        """Otherwise it is taken later: its guest says more than its share."""
        if report.due == 0.0:
            report.due = self._pace.turn(report.instance_id)
            if report.due > time.monotonic():
                heapq.heappush(self._later, report)
                return False
        return True

    def _take(self, report: "_Report") -> None:
        opened = self._open(report)
        if opened is None:
            return
        request, method = opened
        try:
            arguments = sealing.unpack_arguments(method, request.arguments)
        except Invalid as error:
            self._refuse(report, "invalid", f"it is not of the contract's shape: {plain(str(error), _SHOWN)}")
            return
        if _claimed_epoch(arguments) > report.epoch:
            self._refuse(report, "mismatched", "it claims newer keys than the ones that it is sealed with")
            return
        with context.bind(_asked_by(request.context)):
            self._write_down(report, method, arguments)

    def _open(self, report: "_Report") -> tuple[sealing.Request, Method] | None:
        """The report, or None after dropping it. Nothing that does not open is written to a log."""
        keys = self._keys_of(report.instance_id)
        if not keys:
            self._drop(report, "unknown guest")
            return None
        if report.oversized:
            self._refuse(report, "oversized", "it is too long")
            return None
        try:
            clear = envelope.read(report.delivery.body, envelope.Request)
            report.epoch, request = _open_with(keys, clear.args.sealed)
        except (Invalid, Unopened):
            self._refuse(report, "unopened", "it does not open with the guest's key")
            return None
        method = self._methods.get(request.method)
        if request.method != clear.method or request.kind is not Kind.CAST:
            self._refuse(report, "mismatched", "it says one thing in clear and another sealed")
            return None
        if method is None or not version.understands(CONTRACT_VERSION, request.version):
            spoken = plain(request.version, _VERSION)
            self._refuse(report, "too new", f"version {spoken} of the contract is not spoken here: upgrade the control "
                                            "plane")
            return None
        return request, method

    def _write_down(self, report: "_Report", method: Method, arguments: dict[str, Any]) -> None:
        try:
            self._handle(report.instance_id, method, arguments)
        except TroveError as error:
            if error.retryable:
                self._put_off(report, method)
            else:
                self._refuse(report, error.code, f"it is not written down: {error.sentence()}")
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

    def _refuse(self, report: "_Report", reason: str, why: str) -> None:
        """Drops what is the sender's fault: a flood of it does not fill the log."""
        now, kind = time.monotonic(), (report.instance_id, reason)
        if now - self._logged.get(kind, -QUIET) >= QUIET:
            self._logged = {each: at for each, at in self._logged.items() if now - at < QUIET} | {kind: now}
            LOG.warning("A report on the queue of guest %s is refused: %s", report.instance_id, why)
        self._drop(report, reason)

    def _drop(self, report: "_Report", reason: str) -> None:
        self.dropped[reason] += 1
        self._on_drop(report.instance_id, reason)
        report.delivery.ack()


@dataclass(slots=True, order=True)
class _Report:
    """A delivery of a guest's queue; ``due`` (of ``time.monotonic``) when it is to be tried again, ``epoch`` of the key
    that opened it.
    """

    due: float
    instance_id: str = field(compare=False)
    delivery: Delivery = field(compare=False)
    attempts: int = field(compare=False, default=0)
    epoch: int = field(compare=False, default=0)
    oversized: bool = field(compare=False, default=False)

    @classmethod
    def of(cls, instance_id: str, delivery: Delivery) -> "_Report":
        """Without the body of one that is too long: it may have to wait."""
        oversized = len(delivery.body) > MOST_BYTES
        kept = replace(delivery, body=b"") if oversized else delivery
        return cls(0.0, instance_id, kept, oversized=oversized)


def _open_with(keys: Mapping[int, Key], sealed: str) -> tuple[int, sealing.Request]:
    """The epoch of the key that opens it, and what is in it. Raises Unopened."""
    for epoch, key in keys.items():
        with contextlib.suppress(Unopened):
            return epoch, sealing.unseal(key, sealed, sealing.Request)
    raise Unopened("not sealed with any of the guest's keys")


def _asked_by(said: RequestContext) -> RequestContext:
    """Under whose request it is written down: an id goes into the log and to people, and nothing else is believed."""
    return RequestContext(request_id=said.request_id if _REQUEST_ID.fullmatch(said.request_id) else "")


def _claimed_epoch(arguments: Mapping[str, Any]) -> int:
    """Of the stamp that every report has."""
    return int(max(argument.stamp.key_epoch for argument in arguments.values()))
