"""MariaDB as an engine: its life from an empty directory on, and the nouns that it is made of."""

from pathlib import Path

from common.contract import types as t

from ..base import EngineContext, rewritten
from ..logs import Source
from ..server import LOOK, Answer, Server
from ..serverlog import ServerLog
from . import config, programs, readiness, upkeep
from .accounts import Accounts
from .databases import Databases
from .failures import says_full
from .root import Root
from .settings import Settings
from .sql import Sql
from .upkeep import Upkeep

INITIALISE_TIMEOUT = 300.0


class MariaDB(Databases, Accounts, Root, Settings, Upkeep, Server):
    """Makes nothing and touches nothing when it is constructed: a running server is simply found."""

    name = "mariadb"
    title = "MariaDB"

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self.admin = context.admin
        self._configured: tuple[object, ...] = ()
        self.layout = config.Layout(context)
        super().__init__(self.layout.kept)
        self.socket = self.layout.socket
        self.log = ServerLog(self.layout.log, r"\[ERROR\]")
        self.sql = Sql(self.layout.socket, context.admin, context.host.stats)

    def is_initialised(self) -> bool:
        return self.layout.data.is_dir()

    def initialise(self, order: t.Prepare) -> None:
        self.take(order.overrides)
        self.shut_out = self.is_initialised()  # a template's server knows no agent yet
        self.configure()
        if self.is_initialised():
            return
        self.log.mark()
        command = programs.initialise_command(
            programs.find(self.context.binaries), self.layout.config, self.context.admin, self.layout.data,
            self.layout.temporary)
        finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code < 0:  # somebody killed it, and it begins anew
            finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code or not self.is_initialised():
            raise self.failure("MariaDB's data directory could not be made.", finished.output)

    def write_configuration(self) -> tuple[str, ...]:
        overrides = config.overrides_text(self.kept.wanted)
        text = config.text(self.context, self.host.stats().total, self.switches(), self.shut_out)
        command = programs.server_command(programs.find(self.context.binaries), self.layout.config)
        if self.shut_out:
            self.host.write_for_engine(self.layout.repair, ";\n".join((*upkeep.statements(self.admin), "")))
        changed = {"The file with the tenant's settings": self.host.write_for_engine(self.layout.overrides, overrides),
                   "The server's configuration file": self.host.write_for_engine(self.layout.config, text),
                   "The command that starts the server": self.host.set_command(command)}
        before, self._configured = self._configured, (overrides, text, command)
        return tuple(name for name, other in changed.items() if other) if before == self._configured else ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        found = self.tend_accounts() if serving else []
        is_let_in = serving and not found
        found += self.tend_settings(is_let_in) + self.tend_logs(is_let_in)
        return (*found, *map(rewritten, self.configure()), *self.tend_volume())

    def sources(self) -> dict[str, Source]:
        return config.logs(self.context)

    def reopen_log(self, name: str) -> None:
        with self.sql.session() as session:
            session.execute("FLUSH GENERAL LOGS" if name == "general" else "FLUSH SLOW LOGS")

    def ask(self, where: Path | tuple[str, int], timeout: float) -> Answer:
        return readiness.ask(where, timeout)

    def look(self) -> None:
        self.sql.check(LOOK)

    def says_full(self, text: str) -> bool:
        return says_full(text)

    def close(self) -> None:
        self.sql.close()
