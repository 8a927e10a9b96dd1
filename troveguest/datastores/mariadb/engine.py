"""MariaDB as an engine: its life from an empty directory on, and the nouns that it is made of."""

import time

from common.contract import types as t
from common.errors import Conflict, DeadlinePassed, EngineFailed, NoSpace, TroveError

from ...host import processes
from ...host.base import Host, ProcessId
from ..base import EngineContext, Health, rewritten
from . import config, programs, readiness, upkeep
from .accounts import Accounts
from .databases import Databases
from .failures import is_full, no_space, says_full
from .root import Root
from .serverlog import ServerLog, last_words
from .sql import Sql
from .upkeep import LOOK, Upkeep

INITIALISE_TIMEOUT = 300.0
KNOCK = 0.4
"""Seconds for a greeting when a question came to nothing: together less than two."""
APPEAR = 2.0
"""Seconds within which the supervisor shows the process that it was asked to start."""
BETWEEN_KNOCKS = 0.01

_NO_SOCKET = ("The server's socket was removed: clients over the network are served, the agent cannot get in."
              " Restart the instance: the server makes its socket anew.")


class MariaDB(Databases, Accounts, Root, Upkeep):
    """Makes nothing and touches nothing when it is constructed: a running server is simply found."""

    name = "mariadb"

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self.admin = context.admin
        self._configured: tuple[object, ...] = ()
        self._overrides = config.overrides_text({})
        self.layout = config.Layout(context)
        self.log = ServerLog(self.layout.log)
        self.sql = Sql(self.layout.socket, context.admin, context.host.stats)

    @property
    def host(self) -> Host:
        return self.context.host

    def is_initialised(self) -> bool:
        return self.layout.data.is_dir()

    def initialise(self, order: t.Prepare) -> None:
        if self.is_initialised():
            self.configure()
            return
        self._overrides = config.overrides_text(order.overrides)
        self.layout.overrides.unlink(missing_ok=True)
        self.configure()
        self.log.mark()
        command = programs.initialise_command(
            programs.find(self.context.binaries), self.layout.config, self.context.admin, self.layout.data,
            self.layout.temporary)
        finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code < 0:  # somebody killed it, and it begins anew
            finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code or not self.is_initialised():
            raise self._failure("MariaDB's data directory could not be made.", finished.output)

    def configure(self) -> tuple[str, ...]:
        if self.layout.overrides.exists():
            self._overrides = self.layout.overrides.read_text()
        text = config.text(self.context, self.host.stats().total, self.shut_out)
        command = programs.server_command(programs.find(self.context.binaries), self.layout.config)
        if self.shut_out:
            self.host.write_for_engine(self.layout.repair, ";\n".join((*upkeep.statements(self.admin), "")))
        changed = {"The file with the tenant's settings": self.host.write_for_engine(self.layout.overrides,
                                                                                     self._overrides),
                   "The server's configuration file": self.host.write_for_engine(self.layout.config, text),
                   "The command that starts the server": self.host.set_command(command)}
        before, self._configured = self._configured, (text, command)
        return tuple(name for name, other in changed.items() if other) if before == self._configured else ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        found = self.tend_accounts() if serving else []
        return (*found, *map(rewritten, self.configure()), *self._tend_volume())

    def _tend_volume(self) -> tuple[t.Drift, ...]:
        return (t.Drift(sentence=no_space().sentence()),) if is_full(self.host.stats().free) else ()

    def start(self, timeout: float) -> None:
        """A server that runs already is only waited for."""
        if not self.is_initialised():
            raise Conflict("There is no MariaDB server to start.", "Prepare it first.")
        begin = time.monotonic()
        self.log.mark()
        self.host.start_database()
        seen: ProcessId | None = None
        while readiness.ask(self.layout.socket, KNOCK) is readiness.Answer.SILENT:
            process = self.host.database().process
            waited = time.monotonic() - begin
            if process is None and (seen is not None or waited > APPEAR):
                raise self._failure("MariaDB ended while it was starting.")
            if waited > timeout:
                raise self._late(timeout)
            seen = process or seen
            _pause(process)

    def stop(self, timeout: float) -> None:
        self.sql.close()
        self.host.stop_database(timeout)

    def health(self) -> Health:
        try:
            return self._look()
        except TroveError as error:
            return Health(t.ServiceStatus.UNKNOWN, error.sentence())
        except Exception as error:  # noqa: BLE001 (on bytes that are no server's, the driver raises whatever comes)
            return Health(t.ServiceStatus.UNKNOWN, f"MariaDB cannot be looked at: {type(error).__name__}: {error}.")

    def close(self) -> None:
        self.sql.close()

    def _look(self) -> Health:
        state = self.host.database()
        if state.process is None and state.wanted_up:
            return Health(t.ServiceStatus.CRASHED, "MariaDB ended without being asked to.")
        if state.process is None:
            return Health(t.ServiceStatus.SHUTDOWN, "MariaDB is down.")
        try:
            self.sql.check(LOOK)
        except TroveError as error:
            if not self.layout.socket.exists() and self._serves_clients():
                return Health(t.ServiceStatus.RUNNING, _NO_SOCKET, state.started_at)
            silent = readiness.ask(self.layout.socket, KNOCK) is readiness.Answer.SILENT
            status = t.ServiceStatus.BLOCKED if silent else t.ServiceStatus.RUNNING
            return Health(status, error.sentence(), state.started_at)
        return Health(t.ServiceStatus.HEALTHY, "MariaDB answers.", state.started_at)

    def _serves_clients(self) -> bool:
        address = self.context.address, self.context.port
        return readiness.ask(address, KNOCK) is readiness.Answer.READY

    def _late(self, timeout: float) -> DeadlinePassed:
        sentence = f"MariaDB did not accept connections within {timeout:.0f} seconds. "
        return DeadlinePassed((sentence + last_words(self.log.since_mark())).strip(),
                              "It may still be recovering; look again later.")

    def _failure(self, sentence: str, output: str = "") -> TroveError:
        """``output`` is what was said elsewhere than in the log."""
        said = output or self.log.last_errors()
        if is_full(self.host.stats().free) or says_full(said):
            return NoSpace(f"{sentence} The volume is full.", no_space().hint)
        return EngineFailed(f"{sentence} {last_words(said)}".strip(), f"The whole log is {self.layout.log}.")


def make(context: EngineContext) -> MariaDB:
    return MariaDB(context)


def _pause(process: ProcessId | None) -> None:
    """Until the next knock; a process that ends is noticed at once. No event tells that a socket begins to listen."""
    if process is None:
        time.sleep(BETWEEN_KNOCKS)
    else:
        processes.wait_end(process, BETWEEN_KNOCKS)
