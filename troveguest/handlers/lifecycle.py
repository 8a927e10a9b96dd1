"""Operations on the server as a whole. Each may be killed at any point and is then carried out again from its start."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.contract import types as t
from common.errors import Conflict, TroveError, Unsupported
from common.openstack import log

from ..datastores.base import Engine, implemented
from ..host.base import Host
from ..journal import Journal, Wanted
from ..operations import Job

LOG = log.get(__name__)

STOPPING = 30.0
"""Seconds that a half-made server may take to stop before it is killed."""


class Lifecycle:
    def __init__(self, engine: Engine, host: Host, journal: Journal) -> None:
        self._engine = engine
        self._host = host
        self._journal = journal

    def handlers(self) -> dict[str, Callable[..., object]]:
        return {"prepare": self.prepare, "restart": self.restart, "stop_db": self.stop_db, "start_db": self.start_db}

    def prepare(self, job: Job, order: t.Prepare) -> None:
        """Raises Conflict for a server that another order has prepared already."""
        if self._journal.wanted.prepared_by == job.operation_id:
            return
        if self._journal.wanted.prepared:
            raise Conflict("The instance has been prepared already.", "Delete it and create another one.")
        self._journal.want(Wanted())
        try:
            self._make_server(job, order)
            self._furnish(job, order)
        except TroveError as error:
            self._put_aside(job, error)
            raise
        self._journal.want(Wanted(prepared_by=job.operation_id, up=True))

    def restart(self, job: Job) -> None:
        self._want_up(True)
        self._engine.configure()
        if not self._started_since(job.accepted_at):
            job.tell("The server is being stopped.")
            self._engine.stop(job.remaining() / 2)
        job.tell("The server is being started.")
        self._engine.start(job.remaining())

    def stop_db(self, job: Job) -> None:
        self._want_up(False)
        job.tell("The server is being stopped.")
        self._engine.stop(job.remaining())

    def start_db(self, job: Job) -> None:
        self._want_up(True)
        self._engine.configure()
        job.tell("The server is being started.")
        self._engine.start(job.remaining())

    def _want_up(self, up: bool) -> None:
        """Raises Conflict when there is no server. The loop keeps to it from here on, whatever becomes of the agent."""
        wanted = self._journal.wanted
        if not wanted.prepared:
            raise Conflict("There is no prepared server.", wanted.fault or "Prepare it first.")
        self._journal.want(msgspec.structs.replace(wanted, up=up))

    def _started_since(self, moment: float) -> bool:
        """Whether this very restart was under way when the agent died, and its server has begun."""
        started_at = self._host.database().started_at
        return started_at is not None and started_at >= moment

    def _make_server(self, job: Job, order: t.Prepare) -> None:
        job.tell("The data directory is being made.")
        job.remaining()
        self._engine.initialise(order)
        job.tell("The server is being started for the first time.")
        self._engine.start(job.remaining())

    def _furnish(self, job: Job, order: t.Prepare) -> None:
        """Makes all that was asked for, or says what is missing."""
        failures: list[tuple[str, TroveError]] = []
        if order.databases:
            job.tell("Databases are being made.")
            ensure = self._having("databases").ensure_databases
            for database in order.databases:
                _try(failures, f"database {database.name!r}", ensure, (database,))
        if order.users:
            job.tell("Users are being made.")
            ensure = self._having("users").ensure_users
            for user in order.users:
                _try(failures, f"user {user.name!r} at {user.host!r}", ensure, (user,))
        if order.root_password is not None:
            _try(failures, "root", self._having("root").enable_root, order.root_password)
        if failures:
            raise _shortfall(failures)
        job.remaining()

    def _having(self, capability: str) -> Any:
        """The engine, which has that capability. Raises Unsupported."""
        if capability not in implemented(self._engine):
            raise Unsupported(f"The engine {self._engine.name} has no {capability}, which were asked for.",
                              "Leave them out, or choose another datastore.")
        return self._engine

    def _put_aside(self, job: Job, error: TroveError) -> None:
        """Nobody is to use half a server: it is stopped, and says why until it is deleted."""
        self._journal.want(Wanted(fault=error.sentence()))
        try:
            self._engine.stop(STOPPING)
        except TroveError as second:
            LOG.warning("The half-made server could not be stopped.", operation=job.operation_id, why=second.sentence())


def _try(failures: list[tuple[str, TroveError]], what: str, make: Callable[[Any], object], argument: object) -> None:
    try:
        make(argument)
    except TroveError as error:
        failures.append((what, error))


def _shortfall(failures: list[tuple[str, TroveError]]) -> TroveError:
    """One error of the first one's kind that names everything that is missing."""
    named = "; ".join(f"{what} ({error.message})" for what, error in failures)
    first = failures[0][1]
    return type(first)(f"The server was made, but not all that was asked for: missing is {named}", first.hint)


