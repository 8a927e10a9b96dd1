"""The engine in memory. Its server is a process that sleeps; what the server would keep is kept by data directory,
so that a second engine on the same directory finds it, as a new agent finds a running server.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.contract import types as t
from common.datastores import fake as rules
from common.errors import Conflict, EngineFailed, Exists, Invalid, NotFound, NotReady, Refused
from common.secret import Secret

from ..base import EngineContext, Health, rewritten
from ..logs import Logs, Source

_COMMAND = ("/bin/sleep", "infinity")
_PREPARE = ("/bin/true",)

DEFAULTS = {"max_connections": "100", "buffer_size": "16777216", "motd": "", "general_log": "OFF"}
"""The second needs a restart."""

Key = tuple[str, str]
"""An account: name and host."""


@dataclass
class Account:
    password: Secret
    databases: set[str] = field(default_factory=set)


@dataclass
class World:
    """What one server keeps."""

    initialised: bool = False
    databases: dict[str, t.Database] = field(default_factory=dict)
    accounts: dict[Key, Account] = field(default_factory=dict)
    root_password: Secret | None = None
    settings: dict[str, str] = field(default_factory=dict)


_worlds: dict[Path, World] = {}


class FakeEngine(Logs):
    name = "fake"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context.config_dir / "overrides.json")
        self.context = context
        self.world = _worlds.setdefault(context.data_dir, World())
        self._configured = False

    # lifecycle

    def is_initialised(self) -> bool:
        return self.world.initialised

    def initialise(self, order: t.Prepare) -> None:
        self.configure()
        if self.world.initialised:
            return
        self.take(order.overrides)
        if self.context.host.run_job(_PREPARE, timeout=60).exit_code:
            raise EngineFailed("The fake engine's preparation failed.")
        self.world.initialised = True

    def write_configuration(self) -> tuple[str, ...]:
        for name, value in self.kept.wanted.items():
            if not value.isprintable():
                raise Invalid(f"The value of the configuration parameter {name} holds an unprintable character.")
        changed, self._configured = self.context.host.set_command(_COMMAND) and self._configured, True
        return ("command",) if changed else ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        return (*self.tend_settings(serving), *self.tend_logs(serving), *map(rewritten, self.configure()))

    def start(self, timeout: float) -> None:
        if not self.world.initialised:
            raise Conflict("There is no server to start.", "Prepare it first.")
        self.start_with_settings(self._start, timeout)

    def _start(self, timeout: float) -> None:
        """A running server is left alone; one without a buffer does not start."""
        if self.context.host.database().process is None:
            self.world.settings = DEFAULTS | self.kept.wanted | self.switches()
            if self.world.settings["buffer_size"] == "0":
                raise EngineFailed("The fake engine does not start without a buffer.")
        self.context.host.start_database()

    def stop(self, timeout: float) -> None:
        self.context.host.stop_database(timeout)

    def health(self) -> Health:
        state = self.context.host.database()
        if state.process is not None:
            return Health(t.ServiceStatus.HEALTHY, "The server answers.", state.started_at)
        if state.wanted_up:
            return Health(t.ServiceStatus.CRASHED, "The server ended without being asked to.")
        return Health(t.ServiceStatus.SHUTDOWN, "The server is down.")

    def close(self) -> None:
        """Nothing is open."""

    # configuration

    def owned(self, name: str) -> str:
        if name == "general_log":
            return "logs are switched by their own order"
        free = name.isidentifier() and name not in ("datadir", "port")
        return "" if free else "it is a part of what the instance is made of"

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        known = self._running().settings
        return {name: known[name] for name in names if name in known}

    def change(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if name not in ("motd", "general_log") and value is not None and not value.isdigit():
                raise EngineFailed(f"The server does not take {name} = {value}.")
            self._running().settings[name] = DEFAULTS[name] if value is None else value

    # logs

    def sources(self) -> dict[str, Source]:
        general = Source(self.context.data_dir / "general.log", {"general_log": "ON"}, {"general_log": "OFF"})
        return {"error": Source(self.context.database_log), "general": general}

    def _log(self, line: str) -> None:
        """As the server's own user."""
        if self._running().settings["general_log"] == "ON":
            directory = self.context.data_dir.stat()
            with self.sources()["general"].path.open("ab") as file:
                os.chown(file.fileno(), directory.st_uid, directory.st_gid)
                file.write(f"{line}\n".encode())

    # databases

    def list_databases(self, page: t.PageRequest) -> t.DatabasePage:
        names = sorted(name for name in self._running().databases if page.marker is None or name > page.marker)
        shown = tuple(self.world.databases[name] for name in names[:page.limit])
        return t.DatabasePage(items=shown, next_marker=shown[-1].name if len(names) > page.limit else None)

    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None:
        for database in databases:
            rules.check_database(database.name)
            rules.check_charset(database.character_set, database.collate)
        for database in databases:
            self._running().databases.setdefault(database.name, database)

    def delete_database(self, name: str) -> None:
        rules.check_database(name)
        self._require_databases((name,))
        del self.world.databases[name]
        for account in self.world.accounts.values():
            account.databases.discard(name)

    # users and access

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        after = None if page.marker is None else _key_of(page.marker)
        keys = sorted(key for key in self._running().accounts if after is None or key > after)
        shown = tuple(map(self._user, keys[:page.limit]))
        more = len(keys) > page.limit
        return t.UserPage(items=shown, next_marker=f"{shown[-1].name}@{shown[-1].host}" if more else None)

    def get_user(self, user: t.UserRef) -> t.User:
        self._account(user)
        return self._user((user.name, user.host))

    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        for user in users:
            rules.check_user(user.name, user.host)
            rules.check_password(user.password.reveal())
            self._require_databases(user.databases)
        for user in users:
            account = self._running().accounts.setdefault((user.name, user.host), Account(user.password))
            account.password = user.password
            account.databases.update(user.databases)

    def delete_user(self, user: t.UserRef) -> None:
        rules.check_user(user.name, user.host)
        self._account(user)
        del self.world.accounts[user.name, user.host]

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        new = (changes.name or user.name, changes.host or user.host)
        rules.check_user(*new)
        account = self._account(user)
        if new != (user.name, user.host) and new in self.world.accounts:
            raise Exists(f"There is a user {new[0]}@{new[1]} already.")
        if changes.password is not None:
            rules.check_password(changes.password.reveal())
            account.password = changes.password
        del self.world.accounts[user.name, user.host]
        self.world.accounts[new] = account

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None:
        account = self._account(user)
        self._require_databases(databases)
        account.databases.update(databases)

    def revoke_access(self, user: t.UserRef, database: str) -> None:
        account = self._account(user)
        if database not in account.databases:
            raise NotFound(f"The user {user.name}@{user.host} has no access to the database {database!r}.")
        account.databases.remove(database)

    # root

    def enable_root(self, password: Secret | None) -> t.RootCredential:
        if password is not None:
            rules.check_password(password.reveal())
        chosen = password or Secret(urlsafe_b64encode(os.urandom(27)).decode())
        self._running().root_password = chosen
        return t.RootCredential(name="root", password=chosen)

    def disable_root(self) -> None:
        self._running().root_password = None

    def is_root_enabled(self) -> bool:
        return self._running().root_password is not None

    # what a client of the server could do

    def log_in(self, name: str, password: str) -> frozenset[str]:
        """The databases that a client with this login may use. Raises Refused for a wrong one."""
        world = self._running()
        self._log(f"Connect {name}")
        if name == "root" and world.root_password == Secret(password):
            return frozenset(world.databases)
        granted = [account.databases for (account_name, _), account in world.accounts.items()
                   if account_name == name and account.password == Secret(password)]
        if not granted:
            raise Refused(f"The login of {name!r} is refused.")
        return frozenset().union(*granted)

    def _running(self) -> World:
        if self.context.host.database().process is None:
            raise NotReady("The server is down.", "Start it first.")
        return self.world

    def _account(self, user: t.UserRef) -> Account:
        account = self._running().accounts.get((user.name, user.host))
        if account is None:
            raise NotFound(f"There is no user {user.name}@{user.host}.")
        return account

    def _user(self, key: Key) -> t.User:
        return t.User(name=key[0], host=key[1], databases=tuple(sorted(self.world.accounts[key].databases)))

    def _require_databases(self, names: Iterable[str]) -> None:
        missing = [name for name in names if name not in self._running().databases]
        if missing:
            raise NotFound(f"There is no database {', '.join(map(repr, missing))}.", "Create it first.")


def make(context: EngineContext) -> FakeEngine:
    return FakeEngine(context)


def _key_of(marker: str) -> Key:
    name, at, host = marker.rpartition("@")
    return (name, host) if at else (marker, "%")
