"""A server of the family as an engine: its life from an empty directory on, and the nouns that it is made of."""

import socket
from pathlib import Path

from common.contract import types as t

from ..base import EngineContext, rewritten
from ..logs import Source
from ..server import LOOK, Answer, Server
from ..serverlog import ServerLog
from . import Dialect, config, programs
from .accounts import Accounts
from .databases import Databases
from .failures import says_full
from .settings import Settings
from .sql import Sql
from .upkeep import Upkeep

INITIALISE_TIMEOUT = 300.0
_HEAD = 5
_GREETING, _ERROR = 10, 255
"""The MySQL protocol, "Connection Phase": a packet begins with three bytes of length and one of sequence; then comes 10
(protocol version) in a greeting, 255 in an error."""


class Family(Databases, Accounts, Settings, Upkeep, Server):
    """Makes nothing and touches nothing when it is constructed: a running server is simply found."""

    begins_without_account = False
    """Whether a new data directory has none of the agent's, which the server then makes when it first starts."""

    def __init__(self, dialect: Dialect, context: EngineContext) -> None:
        self.dialect = dialect
        self.title = dialect.rules.title
        self.context = context
        self.admin = context.admin
        self._configured: tuple[object, ...] = ()
        self.layout = config.Layout(dialect, context)
        super().__init__(self.layout.kept)
        self.socket = self.layout.socket
        self.log = ServerLog(self.layout.log, r"\[ERROR\]")
        self.sql = Sql(dialect, self.layout.socket, context.admin, context.host.stats)

    def making(self, found: programs.Programs) -> tuple[str, ...]:
        """The job that makes the data directory."""
        raise NotImplementedError

    def is_initialised(self) -> bool:
        return self.layout.data.is_dir()

    def initialise(self, order: t.Prepare) -> None:
        self.take(order.overrides)
        self.shut_out = self.begins_without_account or self.is_initialised()  # a template's server knows no agent yet
        self.configure()
        if self.is_initialised():
            return
        self.log.mark()
        command = self.making(self._programs())
        finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code < 0:  # somebody killed it, and it begins anew
            finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code or not self.is_initialised():
            raise self.failure(f"{self.title}'s data directory could not be made.", finished.output)

    def write_configuration(self) -> tuple[str, ...]:
        overrides = config.overrides_text(self.kept.wanted)
        text = config.text(self.dialect, self.context, self.host.stats().total, self.switches(), self.shut_out)
        command = programs.server_command(self._programs(), self.layout.config)
        if self.shut_out:
            self.host.write_for_engine(self.layout.repair, ";\n".join((*self.statements(), "")))
        changed = {"The file with the tenant's settings": self.host.write_for_engine(self.layout.overrides, overrides),
                   "The server's configuration file": self.host.write_for_engine(self.layout.config, text),
                   "The command that starts the server": self.host.set_command(command)}
        before, self._configured = self._configured, (overrides, text, command)
        return tuple(name for name, other in changed.items() if other) if before == self._configured else ()

    def _programs(self) -> programs.Programs:
        return programs.find(self.dialect, self.context.binaries)

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
        return greeting(where, timeout)

    def look(self) -> None:
        self.sql.check(LOOK)

    def says_full(self, text: str) -> bool:
        return says_full(text)

    def close(self) -> None:
        self.sql.close()


def greeting(where: Path | tuple[str, int], timeout: float) -> Answer:
    """Knocks at a Unix socket, or at address and port. Takes at most ``timeout`` seconds a read, and never raises."""
    family, place = (socket.AF_UNIX, str(where)) if isinstance(where, Path) else (socket.AF_INET, where)
    try:
        with socket.socket(family) as knock:
            knock.settimeout(timeout)
            knock.connect(place)
            return meaning(knock.recv(_HEAD, socket.MSG_WAITALL))
    except OSError:  # no socket yet, nobody behind it, or no word in time: all of them are silence
        return Answer.SILENT


def meaning(head: bytes) -> Answer:
    """What the first bytes of a server mean."""
    if len(head) < _HEAD:
        return Answer.SILENT
    return {_GREETING: Answer.READY, _ERROR: Answer.REFUSED}.get(head[4], Answer.SILENT)
