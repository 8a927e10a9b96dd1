"""Redis as an engine: its life from an empty directory on, and the nouns that it is made of."""

from pathlib import Path

from common.contract import types as t

from ..base import EngineContext, rewritten
from ..logs import Source
from ..server import LOOK, Answer, Server
from ..serverlog import ServerLog
from . import config, programs
from .accounts import Accounts
from .client import Client, Key
from .root import Root
from .settings import Settings
from .upkeep import Upkeep

INITIALISE_TIMEOUT = 60.0

_ERRORS = (r"(?m)^[a-z/-]+: |FATAL CONFIG|^>>> |Bad directive|argument|nvalid|crashed by|Out Of Memory|No space left"
           r"|# (Warning: )?(Could not|Failed|Fatal|Bad|Can't|Error|Unrecoverable|Unexpected|Aborting)")
"""In the words of the shell that starts the server, of one that does not take its configuration, and of any other."""


class Redis(Accounts, Root, Settings, Upkeep, Server):
    """Makes nothing and touches nothing when it is constructed: a running server is simply found."""

    name = "redis"
    title = "Redis"

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self._configured: tuple[object, ...] = ()
        self.layout = config.Layout(context)
        super().__init__(self.layout.kept)
        self.socket = self.layout.socket
        self.log = ServerLog(self.layout.log, _ERRORS)
        self.key = Key(self.layout.key)
        self.client = Client(self.layout.socket, self.key, context.host.stats)
        self.live = config.live(context)

    def is_initialised(self) -> bool:
        return self.layout.data.is_dir()

    def initialise(self, order: t.Prepare) -> None:
        if self.is_initialised():
            self.configure()
            return
        self.take(order.overrides)
        self.configure()
        self.log.mark()
        command = programs.initialise_command(self.layout)
        finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code < 0:  # somebody killed it, and it begins anew
            finished = self.host.run_job(command, INITIALISE_TIMEOUT)
        if finished.exit_code or not self.is_initialised():
            raise self.failure("Redis' data directory could not be made.", finished.output)

    def write_configuration(self) -> tuple[str, ...]:
        overrides = config.overrides_text(self.kept.wanted)
        text, users = config.text(self.context), self.client.own_users_text()
        command = programs.server_command(programs.find(self.context.binaries), self.layout)
        write = self.host.write_for_engine
        changed = {"The file with the tenant's settings": write(self.layout.overrides, overrides),
                   "The server's configuration file": write(self.layout.config, text),
                   "The file with the server's own users": write(self.layout.own_users, users),
                   "The file with the agent's password": self.key.keep(),
                   "The command that starts the server": self.host.set_command(command)}
        before, self._configured = self._configured, (overrides, text, users, command)
        return tuple(name for name, other in changed.items() if other) if before == self._configured else ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        found = self.tend_server() if serving else []
        found += self.tend_settings(serving and not found)  # which wants an agent that is let in
        return (*found, *map(rewritten, self.configure()), *self.tend_volume())

    def sources(self) -> dict[str, Source]:
        return {"server": Source(self.context.database_log)}

    def ask(self, where: Path | tuple[str, int], timeout: float) -> Answer:
        return self.client.knock(where, timeout)

    def look(self) -> None:
        with self.client.session(LOOK) as session:
            session.ask("PING")

    def says_full(self, text: str) -> bool:
        return "No space left on device" in text or "Disk quota exceeded" in text


def make(context: EngineContext) -> Redis:
    return Redis(context)
