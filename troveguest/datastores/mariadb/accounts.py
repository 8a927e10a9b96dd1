"""The nouns user and access, without the server's own accounts: reserved names, ``localhost``, roles, nameless ones.

Passwords go to the server as hashes, so that no log of the server's statements can hold them.
"""

import hashlib

from common.contract import types as t
from common.datastores import mariadb as rules
from common.errors import Conflict, Exists, NotFound
from common.secret import Secret

from . import access, names
from .access import Account
from .databases import existing, require
from .sql import Session, Sql, Value

_ACCOUNTS = (
    "SELECT User, Host FROM mysql.user WHERE is_role = 'N' AND User <> '' AND Host <> 'localhost'"
    " AND FIND_IN_SET(BINARY LOWER(User), BINARY %s) = 0"
)
_RESERVED = ",".join(sorted(rules.RESERVED_USERS))
_ORDER = " ORDER BY BINARY User, BINARY Host LIMIT %s"
_BEHIND = " AND (BINARY User > BINARY %s OR BINARY User = BINARY %s AND BINARY Host > BINARY %s)"
_THIS = " AND BINARY User = BINARY %s AND BINARY Host = BINARY %s"


class Accounts:
    """Capabilities ``users`` and ``access``."""

    sql: Sql

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        name, host = _account_of(page.marker) if page.marker else ("", "")
        with self.sql.session() as session:
            found = _visible(session, _BEHIND + _ORDER, name, name, host, page.limit + 1)
            there = existing(session) if found else set()
            shown = tuple(_user(session, account, there) for account in found[:page.limit])
        more = len(found) > page.limit
        return t.UserPage(items=shown, next_marker=_marker(shown[-1]) if more else None)

    def get_user(self, user: t.UserRef) -> t.User:
        with self.sql.session() as session:
            return _user(session, _require_account(session, user), existing(session))

    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        """Checks all users and databases before it makes the first."""
        for user in users:
            rules.check_user(user.name, user.host)
            rules.check_password(user.password.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            require(session, dict.fromkeys(database for user in users for database in user.databases))
            for user in users:
                account = _account(user)
                session.execute("CREATE USER IF NOT EXISTS %s@%s ACCOUNT LOCK", *account)
                set_password(session, account, user.password)
                access.grant(session, account, user.databases)

    def delete_user(self, user: t.UserRef) -> None:
        """Its clients are cut."""
        with self.sql.session() as session:
            account = _require_account(session, user)
            session.execute("DROP USER %s@%s", *account)
            access.end_sessions(session, user.name)

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """Grants stay. The name changes last, so that the order can be given again after it failed half-way."""
        new = t.UserRef(name=changes.name or user.name, host=changes.host or user.host)
        if new != user:
            rules.check_user(new.name, new.host)
        if changes.password is not None:
            rules.check_password(changes.password.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            account, target = _require_account(session, user), _account(new)
            if target != account and _visible(session, _THIS, *target):
                raise Exists(f"There is a user {new.name}@{new.host} already.", "Choose another name or host.")
            if changes.password is not None:
                set_password(session, account, changes.password)
            if target != account:
                session.execute("RENAME USER %s@%s TO %s@%s", *account, *target)

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None:
        self.sql.require_room()
        with self.sql.session() as session:
            account = _require_account(session, user)
            require(session, databases)
            access.grant(session, account, databases)

    def revoke_access(self, user: t.UserRef, database: str) -> None:
        """The account's clients are cut, since a client keeps the rights on the database that it has chosen."""
        with self.sql.session() as session:
            account = _require_account(session, user)
            held = [pattern for pattern in access.patterns(session, account)
                    if pattern == database or names.opens(pattern, database)]
            if not held:
                raise NotFound(f"The user {user.name}@{user.host} has no access to the database {database!r}.")
            wide = [pattern for pattern in held if names.granted(pattern) is None and pattern != database]
            if wide:
                raise Conflict(f"The user {user.name}@{user.host} has access to {database!r} through a grant on"
                               f" {wide[0]!r}, which opens others as well.", "Revoke that grant with SQL as root.")
            for pattern in held:
                access.revoke(session, account, pattern)
            access.end_sessions(session, user.name)


def set_password(session: Session, account: Account, password: Secret) -> None:
    """Also opens an account that was locked."""
    session.execute("ALTER USER %s@%s IDENTIFIED VIA mysql_native_password USING %s ACCOUNT UNLOCK", *account,
                    password_hash(password))


def password_hash(password: Secret) -> str:
    """As ``mysql_native_password`` keeps it: the SHA-1 of the SHA-1, in hexadecimal, behind an asterisk."""
    once = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def _account(user: t.UserRef | t.NewUser) -> Account:
    """Hosts are kept in lower case by the server."""
    return user.name, user.host.lower()


def _marker(user: t.User) -> str:
    return f"{user.name}@{user.host}"


def _account_of(marker: str) -> Account:
    """Names may hold an ``@``, hosts may not."""
    name, at, host = marker.rpartition("@")
    return (name, host) if at else (marker, "%")


def _visible(session: Session, condition: str, *values: Value) -> list[Account]:
    return [(name, host) for name, host in session.rows(_ACCOUNTS + condition, _RESERVED, *values)]


def _require_account(session: Session, user: t.UserRef) -> Account:
    """Takes accounts that the tenant made with SQL as well, whatever they are called. Raises NotFound or Refused."""
    rules.check_not_reserved(user.name, user.host)
    account = _account(user)
    if not _visible(session, _THIS, *account):
        raise NotFound(f"There is no user {user.name}@{user.host}.")
    return account


def _user(session: Session, account: Account, there: set[str]) -> t.User:
    databases = access.usable(there - rules.RESERVED_DATABASES, access.patterns(session, account))
    return t.User(name=account[0], host=account[1], databases=databases)
