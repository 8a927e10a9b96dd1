"""PostgreSQL as an engine: its life from an empty directory on, and the nouns that it is made of."""

from pathlib import Path

from common.contract import types as t

from ..base import EngineContext, rewritten
from ..logs import Source
from ..server import LOOK, Answer, Server
from ..serverlog import ServerLog
from . import config, programs, wire
from .accounts import Accounts
from .databases import Databases
from .programs import ROLE
from .root import Root
from .settings import Settings
from .sql import Sql
from .upkeep import Upkeep

JOB_TIMEOUT = 300.0
"""Seconds; what a server that was killed has to do again is done then."""

_ERRORS = r"(FATAL|PANIC|ERROR):  |LOG:  (could not|unrecognized|invalid|syntax error|parameter)"
_ANYBODY = "trove"
"""Every name that ``pg_hba.conf`` does not refuse is asked for a password, also one that there is not."""


class PostgreSQL(Databases, Accounts, Root, Settings, Upkeep, Server):
    """Makes nothing and touches nothing when it is constructed: a running server is simply found."""

    name = "postgresql"
    title = "PostgreSQL"
    stop_signal = "INT"  # at SIGTERM it would wait for its clients to go

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self._configured: tuple[object, ...] = ()
        self.layout = config.Layout(context)
        super().__init__(self.layout.kept)
        self.socket = self.layout.socket
        self.log = ServerLog(self.layout.log, _ERRORS)
        self.sql = Sql(self.layout.socket, context.version, context.host.stats)

    def is_initialised(self) -> bool:
        return self.layout.data.is_dir()

    def initialise(self, order: t.Prepare) -> None:
        self.take(order.overrides)
        self.configure()
        if self.is_initialised():
            return
        self.log.mark()
        command = programs.initialise_command(self._programs(), self.context.version, self.layout.data)
        finished = self.host.run_job(command, JOB_TIMEOUT)
        if finished.exit_code < 0:  # somebody killed it, and it begins anew
            finished = self.host.run_job(command, JOB_TIMEOUT)
        if finished.exit_code or not self.is_initialised():
            raise self.failure("PostgreSQL's data directory could not be made.", finished.output)

    def write_configuration(self) -> tuple[str, ...]:
        overrides = config.overrides_text(self.kept.wanted)
        text = config.text(self.context, self.host.stats().total, self.switches())
        command = programs.server_command(self._programs(), self.layout.data, config.own(self.context))
        ident = config.ident_text(self.context.admin)
        write = self.host.write_for_engine
        changed = {"The file with the tenant's settings": write(self.layout.overrides, overrides),
                   "The server's configuration file": write(self.layout.config, text),
                   "The file that says who may come in": write(self.layout.hba, config.HBA),
                   "The file that says who the agent is": write(self.layout.ident, ident),
                   "The command that starts the server": self.host.set_command(command)}
        before, self._configured = self._configured, (overrides, text, command, ident)
        return tuple(name for name, other in changed.items() if other) if before == self._configured else ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        found = self.tend_role() if serving else []
        is_let_in = serving and not found
        found += self.tend_settings(is_let_in) + self.tend_logs(is_let_in)
        return (*found, *map(rewritten, self.configure()), *self.tend_volume())

    def start(self, timeout: float) -> None:
        """Before a server that had shut the agent out, it lets it in again."""
        if self.shut_out and self.is_initialised() and self.host.database().process is None:
            self._regain()
        super().start(timeout)

    def _regain(self) -> None:
        command = programs.regain_command(self._programs(), self.layout.data, self.layout.config)
        finished = self.host.run_job(command, JOB_TIMEOUT)
        if finished.exit_code:
            raise self.failure("PostgreSQL could not be made to let the agent in again.", finished.output)
        self.shut_out = False

    def sources(self) -> dict[str, Source]:
        return config.logs(self.context)

    def ask(self, where: Path | tuple[str, int], timeout: float) -> Answer:
        return wire.ask(where, ROLE if isinstance(where, Path) else _ANYBODY, timeout)

    def look(self) -> None:
        self.sql.check(LOOK)

    def says_full(self, text: str) -> bool:
        return "No space left on device" in text or "Disk quota exceeded" in text

    def _programs(self) -> programs.Programs:
        return programs.find(self.context.binaries, self.context.version)
