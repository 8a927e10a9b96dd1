"""What the agent says of its own accord. Observations are dropped while the bus is down, results are kept."""

import threading
import time
from collections.abc import Callable

from msgspec import Struct

from common.contract import types as t
from common.errors import Unreachable
from common.openstack import log

from .bus.client import ConductorClient
from .journal import Journal

LOG = log.get(__name__)

RETRY_MAX = 30.0
"""Seconds between two attempts to hand over a result, at most; a new connection ends the wait."""

SETTLING = 2.0
"""Seconds that a heartbeat waits for a connection: a new one that wakes it does not take messages yet."""


class Observation(Struct, frozen=True, kw_only=True):
    """What one turn of the loop saw; ``server_started_at`` in seconds since 1970."""

    status: t.ServiceStatus
    sentence: str
    server_started_at: float | None = None
    volume: t.FilesystemStats | None = None
    root_enabled: bool | None = None
    drift: tuple[t.Drift, ...] = ()
    waiting: tuple[str, ...] = ()

    def differs(self, other: "Observation | None") -> bool:
        """Whether somebody wants to know at once: not for a few bytes more on the disk or another wording."""
        if other is None:
            return True
        mine, others = ((each.status, each.server_started_at, each.root_enabled, each.drift, each.waiting)
                        for each in (self, other))
        return mine != others


class Reports:
    """Thread-safe. Stamps grow over restarts of the agent and changes of its keys, whatever its clock says."""

    def __init__(self, conductor: ConductorClient, agent: t.AgentInfo, journal: Journal, key_epoch: int,
                 observed: Callable[[], Observation | None], greeted: Callable[[], None]) -> None:
        """``greeted`` is called when the broker has the word that this life began."""
        self._conductor = conductor
        self._agent = agent
        self._journal = journal
        self._key_epoch = key_epoch
        self._observed = observed
        self._tell_greeted = greeted
        self._lock = threading.Lock()
        self._sequence = 0
        self._greeted = False
        self._failures = 0

    def renew(self, key_epoch: int) -> None:
        """From now on under other keys; whoever takes reports is to know that we have them."""
        self._key_epoch = key_epoch
        self._greeted = False

    def heartbeat(self) -> None:
        """Says what the loop saw last."""
        seen = self._observed()
        if seen is None:
            return
        self._drop_when_down(lambda: self._conductor.heartbeat(timeout=SETTLING, heartbeat=t.Heartbeat(
            stamp=self._stamp(), status=seen.status, sentence=seen.sentence, sent_at=time.time(), volume=seen.volume,
            server_started_at=seen.server_started_at, root_enabled=seen.root_enabled,
            drift=seen.drift, waiting=seen.waiting)))

    def progress(self, operation_id: str, sentence: str, percent: float | None) -> None:
        LOG.info(sentence, operation=operation_id)
        self._drop_when_down(lambda: self._conductor.progress(timeout=0.0, progress=t.Progress(
            stamp=self._stamp(), operation_id=operation_id, sentence=sentence, percent=percent)))

    def deliver(self) -> float | None:
        """Hands over what must arrive: that this life began, and results. A pause in seconds when it has to wait."""
        try:
            self._greet()
            for ticket in self._journal.undelivered():
                self._conductor.result(result=t.Result(
                    stamp=self._stamp(), operation_id=ticket.operation_id, state=ticket.state, failure=ticket.failure))
                self._journal.mark_delivered(ticket.operation_id)
        except Unreachable as error:
            self._failures += 1
            LOG.warning("What has to arrive waits for the broker.", why=error.message)
            return min(RETRY_MAX, 0.5 * 2.0**min(self._failures, 10))
        self._failures = 0
        return None

    def _greet(self) -> None:
        if self._greeted:
            return
        self._conductor.hello(hello=t.Hello(stamp=self._stamp(), agent=self._agent))
        self._tell_greeted()
        self._greeted = True
        LOG.info("The agent serves.", instance=self._agent.instance_id, version=self._agent.agent_version,
                 incarnation=self._agent.incarnation)

    def _stamp(self) -> t.Stamp:
        with self._lock:
            self._sequence += 1
            return t.Stamp(key_epoch=self._key_epoch, boot_count=self._journal.boot_count, sequence=self._sequence)

    def _drop_when_down(self, send: Callable[[], None]) -> None:
        try:
            send()
        except Unreachable as error:
            LOG.debug("An observation is dropped: the bus is down.", why=error.message)
