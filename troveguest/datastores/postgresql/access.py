"""Who may use which database: the members of the role that owns it, and whomever somebody let in with SQL."""

from collections.abc import Iterable

from common.errors import Conflict

from .databases import owner
from .names import Identifier
from .sql import Session

_MAY = "SELECT has_database_privilege(%s, %s, 'CONNECT')"
_CUT = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s::text AND pid <> pg_backend_pid()")


def grant(session: Session, user: str, databases: Iterable[str]) -> None:
    """In these databases the user is from the next login on what they belong to. To be called in a transaction."""
    for database in databases:
        role = owner(session, database)
        session.execute("GRANT %s TO %s", Identifier(role), Identifier(user))
        session.execute("ALTER ROLE %s IN DATABASE %s SET role = %s", Identifier(user), Identifier(database), role)


def revoke(session: Session, user: str, database: str) -> None:
    """To be called in a transaction. Raises Conflict when the user can still get in."""
    session.execute("REVOKE %s FROM %s", Identifier(owner(session, database)), Identifier(user))
    session.execute("ALTER ROLE %s IN DATABASE %s RESET role", Identifier(user), Identifier(database))
    session.execute("REVOKE ALL ON DATABASE %s FROM %s", Identifier(database), Identifier(user))
    if may(session, user, database):
        raise Conflict(f"The user {user} has access to {database!r} in another way: as a superuser, through another"
                       " role, or because everybody has.", "Close that with SQL as root.")


def may(session: Session, user: str, database: str) -> bool:
    return session.texts(_MAY, user, database) == ["t"]


def end_sessions(session: Session, user: str, database: str | None = None) -> None:
    """Cuts the clients that are logged in as this user, in one database or in all of them."""
    if database is None:
        session.execute(_CUT, user)
    else:
        session.execute(f"{_CUT} AND datname = %s::text", user, database)
