"""The agent's one loop: observe, guard clauses in order of danger, act, and one true sentence a turn."""

import enum
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from common.contract import types as t
from common.contract.types import ServiceStatus as Status
from common.errors import HostFailed, TroveError
from common.openstack import log

from .datastores.base import Engine, Health, implemented
from .drift import Watch
from .host.base import Host, ServiceState
from .journal import Journal, Wanted
from .operations import Job, Operations
from .reports import Observation

LOG = log.get(__name__)

REVIVAL = "revival"
"""The loop's own work: starting a server that died."""

_DURING = {
    "prepare": Status.BUILDING,
    "restart": Status.RESTARTING,
    "start_db": Status.RESTARTING,
    "stop_db": Status.SHUTDOWN,
    REVIVAL: Status.RESTARTING,
}
"""What is said of the server while it is worked on. Other work, such as an upgrade of the agent, leaves it alone."""

_SERVING = (Status.RUNNING, Status.HEALTHY)


class Act(enum.Enum):
    NOTHING = "nothing"
    REVIVE = "revive"


class View(Struct, frozen=True, kw_only=True):
    """Everything that a turn decides on. ``health`` is None when there is no process to ask; ``pause`` in seconds."""

    job: Job | None
    wanted: Wanted
    initialised: bool
    service: ServiceState
    health: Health | None
    pause: float
    trouble: str = ""


class Decision(Struct, frozen=True):
    status: Status
    sentence: str
    act: Act = Act.NOTHING


def decide(view: View) -> Decision:
    """What a turn says and does. The first clause that holds wins: the most dangerous to get wrong comes first."""
    if view.job is not None and view.job.method in _DURING:
        return Decision(_DURING[view.job.method], view.job.sentence or f"The {view.job.method} is under way.")
    if view.wanted.fault:
        return Decision(Status.FAILED, view.wanted.fault)
    if not view.wanted.prepared:
        return Decision(Status.NEW, "Nothing has been prepared yet.")
    if not view.initialised:
        return Decision(Status.FAILED, "The data directory is gone; nothing is started without it. Look at the volume.")
    if view.health is not None:
        return _alive(view, view.health)
    if not view.wanted.up:
        return Decision(Status.SHUTDOWN, "The server is down, as it was asked to be.")
    if view.pause > 0:
        because = f" {view.trouble}" if view.trouble else ""
        return Decision(Status.CRASHED, f"The server is down and will be started again after a pause.{because}")
    return Decision(Status.RESTARTING, "The server is down although it should be up; it is started again.", Act.REVIVE)


def _alive(view: View, health: Health) -> Decision:
    """A process is there: whatever it says or does not say, it is left alone."""
    if not view.wanted.up:
        return Decision(health.status, "The server runs although it was asked to be down; somebody else started it.")
    return Decision(health.status, health.sentence)


class Backoff:
    """Pauses between starts of a server that dies again and again: none, then doubling up to ``longest`` seconds."""

    def __init__(self, first: float, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first = first
        self._longest = longest
        self._clock = clock
        self._attempts = 0
        self._last = 0.0

    @property
    def attempts(self) -> int:
        return self._attempts

    def pause(self) -> float:
        """Seconds until the next attempt may begin; 0 when it may now."""
        if not self._attempts:
            return 0.0
        whole = min(self._longest, self._first * 2.0**min(self._attempts - 1, 30))
        return max(0.0, self._last + whole - self._clock())

    def note_attempt(self) -> None:
        """Call it when an attempt begins, and again when it has ended."""
        self._last = self._clock()

    def count(self) -> None:
        self._attempts += 1
        self.note_attempt()

    def note_alive(self) -> None:
        """A server that has lived for longer than the longest pause is a healthy one."""
        if self._attempts and self._clock() - self._last > self._longest:
            self._attempts = 0


class Loop:
    """``turn`` is one round; ``changed`` is called when what it saw is worth telling at once."""

    def __init__(self, engine: Engine, host: Host, journal: Journal, operations: Operations, backoff: Backoff,
                 recovery_timeout: float, facts_interval: float, changed: Callable[[], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        """``recovery_timeout`` and ``facts_interval`` in seconds."""
        self._engine: Any = engine
        self._able = implemented(engine)
        self._host = host
        self._journal = journal
        self._operations = operations
        self._backoff = backoff
        self._recovery_timeout = recovery_timeout
        self._facts_interval = facts_interval
        self._changed = changed
        self._clock = clock
        self._trouble = ""
        self._facts_until = 0.0
        self._volume: t.FilesystemStats | None = None
        self._root_enabled: bool | None = None
        self._waiting: tuple[str, ...] = ()
        self._base: Status | None = None
        self._drift = Watch()
        self.seen: Observation | None = None

    def turn(self) -> None:
        try:
            view = self._look()
        except (TroveError, OSError) as error:  # the machine does not let us look: that says nothing of the server
            self._drift.note(self._beneath())
            self._tell(self._observation(None, Decision(Status.UNKNOWN, _sentence(error))))
            return
        decision = decide(view)
        if decision.act is Act.REVIVE:
            self._revive()
        if self.seen is None and view.health is not None and view.job is None:
            LOG.info("A server that runs already is taken over as it is.", started_at=view.service.started_at)
        if self._base is not decision.status:
            self.forget_facts()  # an operation shorter than the pause between two turns was never seen
        self._base = decision.status
        self._refresh_facts(view)
        self._bound_logs(view)
        self._tell(self._observation(view.service.started_at, decision))

    def _observation(self, started_at: float | None, decision: Decision) -> Observation:
        """A server that serves while something is the matter with it is not called healthy."""
        drift = self._drift.known
        impaired = decision.status is Status.HEALTHY and self._drift.unrepaired
        more = (each.sentence for each in drift if each.sentence not in decision.sentence)
        return Observation(
            status=Status.RUNNING if impaired else decision.status, sentence=" ".join((decision.sentence, *more)),
            volume=self._volume, server_started_at=started_at, root_enabled=self._root_enabled, drift=drift,
            waiting=self._waiting)

    def forget_facts(self) -> None:
        """The next turn looks anew at what it otherwise looks at now and then."""
        self._facts_until = 0.0

    def _look(self) -> View:
        job = self._operations.current
        service = self._host.database()
        health = self._engine.health() if service.process is not None else None
        if health is not None and job is None:
            self._backoff.note_alive()
        # An operation that began while we looked makes what we saw its business.
        return View(job=self._operations.current or job, wanted=self._journal.wanted, service=service, health=health,
                    initialised=self._engine.is_initialised(), pause=self._backoff.pause(), trouble=self._trouble)

    def _revive(self) -> None:
        if self._operations.attempt(REVIVAL, self._start, self._recovery_timeout):
            self._backoff.count()

    def _start(self, job: Job) -> None:
        job.sentence = f"The server is down although it should be up: start {self._backoff.attempts} is under way."
        try:
            self._engine.configure()
            self._engine.start(job.remaining())
            self._trouble = ""
        except TroveError as error:
            self._trouble = f"The last attempt failed: {error.sentence()}"
            LOG.error("The server could not be started again.", why=error.sentence())
        finally:
            self._backoff.note_attempt()

    def _tell(self, seen: Observation) -> None:
        before, self.seen = self.seen, seen
        if before is None or (before.status, before.sentence) != (seen.status, seen.sentence):
            LOG.info(seen.sentence, status=seen.status.value)
        if seen.differs(before):
            self._changed()

    def _refresh_facts(self, view: View) -> None:
        if view.job is not None:
            self.forget_facts()
        elif self._clock() >= self._facts_until:
            self._facts_until = self._clock() + self._facts_interval
            self._volume = self._look_at_volume()
            self._root_enabled = self._look_at_root(view)
            self._drift.note(self._look_for_drift(view) if view.wanted.prepared else ())
            self._waiting = self._look_for_waiting()

    def _look_at_volume(self) -> t.FilesystemStats | None:
        try:
            return self._host.stats()
        except (OSError, HostFailed) as error:
            LOG.warning("The volume's space cannot be seen.", why=str(error))
            return None

    def _look_for_drift(self, view: View) -> tuple[t.Drift, ...]:
        try:
            # What is not there has been said already, and is nothing to work in.
            return self._beneath() or (self._engine.tend(_serves(view)) if view.initialised else ())
        except (TroveError, OSError) as error:
            return (t.Drift(sentence=f"What is the agent's own cannot be looked after: {_sentence(error)}"),)

    def _beneath(self) -> tuple[t.Drift, ...]:
        try:
            return self._host.drift()
        except OSError as error:
            return (t.Drift(sentence=f"The place of the instance cannot be looked at: {_sentence(error)}"),)

    def _bound_logs(self, view: View) -> None:
        """At every turn: a busy server writes much between two."""
        if view.job is None and _serves(view) and "logs" in self._able:
            try:
                self._engine.bound_logs()
            except (TroveError, OSError) as error:
                LOG.warning("A log on the volume cannot be kept short.", why=_sentence(error))

    def _look_for_waiting(self) -> tuple[str, ...]:
        return self._engine.waiting() if "configuration" in self._able else ()

    def _look_at_root(self, view: View) -> bool | None:
        """None while nobody can tell."""
        if not _serves(view) or "root" not in self._able:
            return None
        try:
            return bool(self._engine.is_root_enabled())
        except TroveError as error:
            LOG.warning("The server does not say whether root is enabled.", why=error.sentence())
            return None


def _serves(view: View) -> bool:
    return view.health is not None and view.health.status in _SERVING


def _sentence(error: TroveError | OSError) -> str:
    return error.sentence() if isinstance(error, TroveError) else f"{error.filename}: {error.strerror}."
