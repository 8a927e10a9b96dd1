"""The nouns user, access and root, without the server's own accounts: reserved names, ``localhost``, roles, nameless
ones. The superuser for the tenant is ``root`` from any address; the account at localhost is the server's own."""

import os
from base64 import urlsafe_b64encode

from common.contract import types as t
from common.datastores.mysqlfamily import RESERVED_DATABASES
from common.errors import Conflict, Exists, NotFound
from common.secret import Secret

from . import Dialect, access
from .access import Account
from .databases import existing, require
from .sql import Session, Sql, Value

_ACCOUNTS = (
    "SELECT User, Host FROM mysql.user WHERE User <> '' AND Host <> 'localhost'"
    " AND FIND_IN_SET(BINARY LOWER(User), BINARY %s) = 0 AND "
)
ROOT = "root"
RANDOM_BYTES = 27
"""Give 36 characters in base64: upstream's ``default_password_length``."""
_ORDER = " ORDER BY BINARY User, BINARY Host LIMIT %s"
_BEHIND = " AND (BINARY User > BINARY %s OR BINARY User = BINARY %s AND BINARY Host > BINARY %s)"
_THIS = " AND BINARY User = BINARY %s AND BINARY Host = BINARY %s"


class Accounts:
    """Capabilities ``users``, ``access`` and ``root``."""

    sql: Sql
    dialect: Dialect

    def set_password(self, session: Session, account: Account, password: Secret) -> None:
        """Also opens an account that was locked. No log of the server's statements may hold the password."""
        raise NotImplementedError

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        name, host = _account_of(page.marker) if page.marker else ("", "")
        with self.sql.session() as session:
            found = self._visible(session, _BEHIND + _ORDER, name, name, host, page.limit + 1)
            there = existing(session) if found else set()
            shown = tuple(_user(session, account, there) for account in found[:page.limit])
        more = len(found) > page.limit
        return t.UserPage(items=shown, next_marker=_marker(shown[-1]) if more else None)

    def get_user(self, user: t.UserRef) -> t.User:
        with self.sql.session() as session:
            return _user(session, self._require_account(session, user), existing(session))

    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        """Checks all users and databases before it makes the first."""
        for user in users:
            self.dialect.rules.check_user(user.name, user.host)
            self.dialect.rules.check_password(user.password.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            wanted = dict.fromkeys(database for user in users for database in user.databases)
            require(session, self.dialect.rules, wanted)
            for user in users:
                account = _account(user)
                session.execute("CREATE USER IF NOT EXISTS %s@%s ACCOUNT LOCK", *account)
                self.set_password(session, account, user.password)
                access.grant(session, account, user.databases)

    def delete_user(self, user: t.UserRef) -> None:
        """Its clients are cut."""
        with self.sql.session() as session:
            account = self._require_account(session, user)
            session.execute("DROP USER %s@%s", *account)
            access.end_sessions(session, user.name)

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """Grants stay. The name changes last, so that the order can be given again after it failed half-way."""
        new = t.UserRef(name=changes.name or user.name, host=changes.host or user.host)
        if new != user:
            self.dialect.rules.check_user(new.name, new.host)
        if changes.password is not None:
            self.dialect.rules.check_password(changes.password.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            account, target = self._require_account(session, user), _account(new)
            if target != account and self._visible(session, _THIS, *target):
                raise Exists(f"There is a user {new.name}@{new.host} already.", "Choose another name or host.")
            if changes.password is not None:
                self.set_password(session, account, changes.password)
            if target != account:
                session.execute("RENAME USER %s@%s TO %s@%s", *account, *target)

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None:
        self.sql.require_room()
        with self.sql.session() as session:
            account = self._require_account(session, user)
            require(session, self.dialect.rules, databases)
            access.grant(session, account, databases)

    def revoke_access(self, user: t.UserRef, database: str) -> None:
        """The account's clients are cut, since a client keeps the rights on the database that it has chosen."""
        with self.sql.session() as session:
            account = self._require_account(session, user)
            held = [pattern for pattern in access.patterns(session, account)
                    if pattern == database or access.opens(pattern, database)]
            if not held:
                raise NotFound(f"The user {user.name}@{user.host} has no access to the database {database!r}.")
            wide = [pattern for pattern in held if access.granted(pattern) is None and pattern != database]
            if wide:
                raise Conflict(f"The user {user.name}@{user.host} has access to {database!r} through a grant on"
                               f" {wide[0]!r}, which opens others as well.", "Revoke that grant with SQL as root.")
            for pattern in held:
                access.revoke(session, account, pattern)
            access.end_sessions(session, user.name)

    def enable_root(self, password: Secret | None) -> t.RootCredential:
        """Whoever has it can do anything in this server, and read what the server's operating system user can."""
        chosen = _random() if password is None else password
        self.dialect.rules.check_password(chosen.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            session.execute("CREATE USER IF NOT EXISTS %s@'%%' ACCOUNT LOCK", ROOT)
            session.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", ROOT)
            self.set_password(session, (ROOT, "%"), chosen)
        return t.RootCredential(name=ROOT, password=chosen)

    def disable_root(self) -> None:
        """Locks the account under a random password and cuts its clients. It is not dropped, since what it defined
        (views, routines, triggers) runs in its name."""
        with self.sql.session() as session:
            for host in self._open_hosts(session):
                self.set_password(session, (ROOT, host), _random())
                session.execute("ALTER USER %s@%s ACCOUNT LOCK", ROOT, host)
            access.end_sessions(session, ROOT)

    def is_root_enabled(self) -> bool:
        with self.sql.session() as session:
            return bool(self._open_hosts(session))

    def _open_hosts(self, session: Session) -> list[str]:
        return [host for (host,) in session.rows(self.dialect.open_roots, ROOT)]

    def _visible(self, session: Session, condition: str, *values: Value) -> list[Account]:
        rows = session.rows(_ACCOUNTS + self.dialect.accounts + condition,
                            ",".join(sorted(self.dialect.rules.reserved_users)), *values)
        return [(name, host) for name, host in rows]

    def _require_account(self, session: Session, user: t.UserRef) -> Account:
        """Takes accounts that the tenant made with SQL as well, whatever they are called. Raises NotFound or
        Refused."""
        self.dialect.rules.check_not_reserved(user.name, user.host)
        account = _account(user)
        if not self._visible(session, _THIS, *account):
            raise NotFound(f"There is no user {user.name}@{user.host}.")
        return account


def _account(user: t.UserRef | t.NewUser) -> Account:
    """Hosts are kept in lower case by the server."""
    return user.name, user.host.lower()


def _marker(user: t.User) -> str:
    return f"{user.name}@{user.host}"


def _account_of(marker: str) -> Account:
    """Names may hold an ``@``, hosts may not."""
    name, at, host = marker.rpartition("@")
    return (name, host) if at else (marker, "%")


def _user(session: Session, account: Account, there: set[str]) -> t.User:
    databases = access.usable(there - RESERVED_DATABASES, access.patterns(session, account))
    return t.User(name=account[0], host=account[1], databases=databases)


def _random() -> Secret:
    return Secret(urlsafe_b64encode(os.urandom(RANDOM_BYTES)).decode())
