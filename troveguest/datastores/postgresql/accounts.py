"""The nouns user and access, without the server's own accounts: reserved names, and roles that cannot log in."""

from common.contract import types as t
from common.datastores import postgresql as rules
from common.errors import Conflict, Exists, NotFound

from . import access, scram
from .databases import existing, owner, require
from .names import Identifier
from .sql import Session, Sql

_RESERVED = ", ".join(f"'{name}'" for name in sorted(rules.RESERVED_USERS))
_ACCOUNTS = (f"SELECT rolname FROM pg_roles r WHERE rolcanlogin AND lower(rolname) NOT IN ({_RESERVED})"  # noqa: S608
             " AND lower(rolname) !~ '^(pg|trove)_'")
_ORDER = " ORDER BY rolname LIMIT "
_GRANTED = ("SELECT datname FROM pg_database d JOIN pg_roles r ON r.rolname = %s::text WHERE datallowconn"
            " AND has_database_privilege(r.oid, d.oid, 'CONNECT') ORDER BY datname")
_OWNED = "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE rolname = %s::text"
_TOUCHED = ("SELECT DISTINCT datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r"
            " ON r.oid = refobjid WHERE refclassid = 'pg_authid'::regclass AND rolname = %s::text AND datallowconn")


class Accounts:
    """Capabilities ``users`` and ``access``."""

    sql: Sql

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        with self.sql.session() as session:
            found = session.texts(_ACCOUNTS + " AND rolname > %s::text" + _ORDER + str(page.limit + 1),
                                  page.marker or "")
            there = existing(session) if found else set()
            shown = tuple(_user(session, name, there) for name in found[:page.limit])
        return t.UserPage(items=shown, next_marker=shown[-1].name if len(found) > page.limit else None)

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
                verb = "ALTER" if _is_there(session, user.name) else "CREATE"
                with session.transaction():
                    session.execute(f"{verb} ROLE %s LOGIN PASSWORD %s", Identifier(user.name),
                                    scram.verifier(user.password))
                    access.grant(session, user.name, user.databases)

    def delete_user(self, user: t.UserRef) -> None:
        """Its clients are cut. What it made belongs to the databases, and stays."""
        with self.sql.session() as session:
            name = Identifier(_require_account(session, user))
            session.execute("ALTER ROLE %s CONNECTION LIMIT 0 PASSWORD NULL", name)
            access.end_sessions(session, user.name)
            for database in session.texts(_OWNED, user.name):
                with session.transaction():
                    owner(session, database)
            for database in set(session.texts(_TOUCHED, user.name)) - rules.RESERVED_DATABASES:
                self._inherit(user.name, database)
            with session.transaction():
                session.execute("DROP OWNED BY %s", name)
                session.execute("DROP ROLE %s", name)

    def _inherit(self, user: str, database: str) -> None:
        with self.sql.session(database) as session, session.transaction():
            session.execute("REASSIGN OWNED BY %s TO %s", Identifier(user), Identifier(owner(session, database)))
            session.execute("DROP OWNED BY %s", Identifier(user))

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """Grants stay. The name changes last, so that the order can be given again after it failed half-way."""
        new = changes.name or user.name
        if new != user.name or changes.host is not None:
            rules.check_user(new, changes.host or user.host)
        if changes.password is not None:
            rules.check_password(changes.password.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            name = Identifier(_require_account(session, user))
            if new != user.name and _is_role(session, new):
                raise Exists(f"There is a user or role {new} already.", "Choose another name.")
            if changes.password is not None:
                session.execute("ALTER ROLE %s PASSWORD %s", name, scram.verifier(changes.password))
            if new != user.name:
                session.execute("ALTER ROLE %s RENAME TO %s", name, Identifier(new))

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None:
        self.sql.require_room()
        with self.sql.session() as session:
            name = _require_account(session, user)
            require(session, databases)
            with session.transaction():
                access.grant(session, name, databases)

    def revoke_access(self, user: t.UserRef, database: str) -> None:
        """The user's clients in the database are cut: they have what they were given when they came."""
        with self.sql.session() as session:
            name = _require_account(session, user)
            if database not in existing(session) or not access.may(session, name, database):
                raise NotFound(f"The user {name} has no access to the database {database!r}.")
            with session.transaction():
                access.revoke(session, name, database)
            access.end_sessions(session, name, database)


def _is_role(session: Session, name: str) -> bool:
    return bool(session.texts("SELECT rolname FROM pg_roles WHERE rolname = %s::text", name))


def _is_there(session: Session, name: str) -> bool:
    """Raises Conflict for a role that the tenant made for other ends."""
    if session.texts(_ACCOUNTS + " AND rolname = %s::text", name):
        return True
    if _is_role(session, name):
        raise Conflict(f"There is a role {name} already, which cannot log in.", "Choose another name.")
    return False


def _require_account(session: Session, user: t.UserRef) -> str:
    """Takes accounts that the tenant made with SQL as well, whatever they are called. Raises NotFound or Refused."""
    rules.check_not_reserved(user.name)
    if not session.texts(_ACCOUNTS + " AND rolname = %s::text", user.name):
        raise NotFound(f"There is no user {user.name}.")
    return user.name


def _user(session: Session, name: str, there: set[str]) -> t.User:
    databases = (database for database in session.texts(_GRANTED, name) if database in there)
    return t.User(name=name, host="%", databases=tuple(databases))
