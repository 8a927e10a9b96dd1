"""Guests in memory, for tests of REST and for looking at it without a database server."""

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from common.contract import types as t
from common.errors import DeadlinePassed, Exists, Invalid, NotFound, TroveError
from common.secret import Secret

T = TypeVar("T")
GIB = 1 << 30
_PATIENCE = 15.0
"""As long as the contract's calls have."""


@dataclass(slots=True)
class Account:
    password: Secret
    databases: set[str] = field(default_factory=set)


class FakeGuest:
    """Behaves like a guest whose server serves. ``failure``, when set, is raised by every call; while ``answers`` is
    not set, none comes."""

    def __init__(self) -> None:
        self.failure: TroveError | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.databases: dict[str, t.Database] = {}
        self.accounts: dict[tuple[str, str], Account] = {}
        self.root_password: Secret | None = None
        self.enabled_logs: set[str] = set()
        self.log_lines: list[str] = []
        """Of the log ``general``; each is one piece of it, and a position is a number of them."""
        self.deadlines: list[float | None] = []
        self.stats = t.FilesystemStats(total=2 * GIB, used=GIB // 2, free=2 * GIB - GIB // 2)

    def get_filesystem_stats(self, **options: Any) -> t.FilesystemStats:
        self._called(options)
        return self.stats

    def list_logs(self, **options: Any) -> tuple[t.Log, ...]:
        self._called(options)
        size = sum(map(len, self.log_lines))
        return (t.Log(name="error", switched=False, enabled=True, size=0),
                t.Log(name="general", switched=True, enabled="general" in self.enabled_logs, size=size))

    def read_log(self, name: str, after: str, limit: int, **options: Any) -> t.LogChunk:
        self._called(options)
        if name not in ("error", "general"):
            raise NotFound(f"There is no log {name}.")
        if after.strip("0123456789") and after != "start":
            raise Invalid(f"{after} is no position in a log.")
        position = int(after) if after.isdigit() else 0
        behind = self.log_lines[position:] if name == "general" else []
        return t.LogChunk(text="".join(behind[:1]), after=str(position + len(behind[:1])), more=len(behind) > 1)

    def set_log(self, name: str, enabled: bool, **options: Any) -> None:
        self._called(options)
        if name != "general":
            raise Invalid(f"The log {name} is always written.")
        (self.enabled_logs.add if enabled else self.enabled_logs.discard)(name)

    def rpc_ping(self, **options: Any) -> t.AgentInfo:
        self._called(options)
        return t.AgentInfo(instance_id="", agent_version="0.1.0", contract_version="1.3", datastore="fake",
                           datastore_version="1.0", capabilities=(), incarnation="1")

    def list_databases(self, page: t.PageRequest, **options: Any) -> t.DatabasePage:
        self._called(options)
        names = sorted(self.databases)
        items, marker = _slice(names, page, str)
        return t.DatabasePage(items=tuple(self.databases[name] for name in items), next_marker=marker)

    def ensure_databases(self, databases: tuple[t.Database, ...], **options: Any) -> None:
        self._called(options)
        for database in databases:
            self.databases.setdefault(database.name, database)

    def delete_database(self, name: str, **options: Any) -> None:
        self._called(options)
        self._database(name)
        del self.databases[name]
        for account in self.accounts.values():
            account.databases.discard(name)

    def list_users(self, page: t.PageRequest, **options: Any) -> t.UserPage:
        self._called(options)
        items, marker = _slice(sorted(self.accounts), page, "@".join)
        return t.UserPage(items=tuple(self._user(key) for key in items), next_marker=marker)

    def get_user(self, user: t.UserRef, **options: Any) -> t.User:
        self._called(options)
        return self._user(self._key(user))

    def ensure_users(self, users: tuple[t.NewUser, ...], **options: Any) -> None:
        self._called(options)
        for user in users:
            for name in user.databases:
                self._database(name)
            account = self.accounts.setdefault((user.name, user.host), Account(user.password))
            account.password = user.password
            account.databases.update(user.databases)

    def delete_user(self, user: t.UserRef, **options: Any) -> None:
        self._called(options)
        del self.accounts[self._key(user)]

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges, **options: Any) -> None:
        self._called(options)
        key = self._key(user)
        target = (changes.name or user.name, changes.host or user.host)
        if target != key and target in self.accounts:
            raise Exists(f"There is a user {'@'.join(target)} already.")
        account = self.accounts.pop(key)
        account.password = changes.password or account.password
        self.accounts[target] = account

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...], **options: Any) -> None:
        self._called(options)
        account = self.accounts[self._key(user)]
        for name in databases:
            self._database(name)
        account.databases.update(databases)

    def revoke_access(self, user: t.UserRef, database: str, **options: Any) -> None:
        self._called(options)
        account = self.accounts[self._key(user)]
        if database not in account.databases:
            raise NotFound(f"User {user.name} has no access to database {database}.")
        account.databases.remove(database)

    def enable_root(self, password: Secret | None, **options: Any) -> t.RootCredential:
        self._called(options)
        self.root_password = password or Secret(secrets.token_urlsafe(16))
        return t.RootCredential(name="root", password=self.root_password)

    def disable_root(self, **options: Any) -> None:
        self._called(options)
        self.root_password = None

    def _called(self, options: dict[str, Any]) -> None:
        self.deadlines.append(options.get("deadline"))
        if not self.answers.wait(_PATIENCE):
            raise DeadlinePassed("The guest in memory did not answer.")
        if self.failure is not None:
            raise self.failure

    def _database(self, name: str) -> None:
        if name not in self.databases:
            raise NotFound(f"There is no database {name}.")

    def _key(self, user: t.UserRef) -> tuple[str, str]:
        if (user.name, user.host) not in self.accounts:
            raise NotFound(f"There is no user {user.name}@{user.host}.")
        return user.name, user.host

    def _user(self, key: tuple[str, str]) -> t.User:
        return t.User(name=key[0], host=key[1], databases=tuple(sorted(self.accounts[key].databases)))


class FakeGuests:
    """One FakeGuest an instance, made when it is first asked for."""

    def __init__(self) -> None:
        self._guests: defaultdict[str, FakeGuest] = defaultdict(FakeGuest)

    def of(self, instance_id: str) -> FakeGuest:
        return self._guests[instance_id]


def _slice(keys: Sequence[T], page: t.PageRequest, name: Callable[[T], str]) -> tuple[list[T], str | None]:
    rest = [key for key in keys if page.marker is None or name(key) > page.marker]
    items = rest[:page.limit]
    return items, name(items[-1]) if len(rest) > page.limit else None
