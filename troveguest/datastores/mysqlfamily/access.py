"""Who may use which database: the rows of ``mysql.db``, whose names are patterns."""

import re
from collections.abc import Iterable

from common.datastores.mysqlfamily import grant_pattern

from .sql import Identifier, Session

Account = tuple[str, str]
"""User name and host."""

NO_SUCH_THREAD = 1094
NO_SUCH_GRANT = 1141

_PART = re.compile(r"\\.|.", re.DOTALL)
_WILD = {"%": ".*", "_": "."}


def grant(session: Session, account: Account, databases: Iterable[str]) -> None:
    for database in databases:
        session.execute("GRANT ALL PRIVILEGES ON %s.* TO %s@%s", in_grant(database), *account)


def patterns(session: Session, account: Account) -> list[str]:
    """What ``mysql.db`` holds for an account, as it stands there."""
    rows = session.rows("SELECT Db FROM mysql.db WHERE BINARY User = BINARY %s AND BINARY Host = BINARY %s", *account)
    return [pattern for (pattern,) in rows]


def usable(there: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """Those of the databases ``there`` that the patterns open, in order."""
    held = tuple(held)
    return tuple(sorted(database for database in there if any(opens(pattern, database) for pattern in held)))


def revoke(session: Session, account: Account, pattern: str) -> None:
    """Takes one row of ``mysql.db`` away, given as it stands there."""
    session.execute("REVOKE ALL PRIVILEGES ON %s.* FROM %s@%s", Identifier(pattern), *account, tolerate=NO_SUCH_GRANT)
    session.execute("REVOKE GRANT OPTION ON %s.* FROM %s@%s", Identifier(pattern), *account, tolerate=NO_SUCH_GRANT)


def forget(session: Session, database: str) -> None:
    """Takes away every account's grant on this database alone."""
    for name, host, pattern in session.rows("SELECT User, Host, Db FROM mysql.db"):
        if granted(pattern) == database:
            revoke(session, (name, host), pattern)


def end_sessions(session: Session, name: str) -> None:
    """Cuts the clients that are logged in with a user name: the server itself lets them keep what they had.

    The server does not tell which of several accounts with one name a client used, so those of all are cut.
    """
    clients = session.rows(
        "SELECT id FROM information_schema.processlist WHERE BINARY user = BINARY %s AND host <> 'localhost'", name)
    for (thread,) in clients:
        session.execute("KILL CONNECTION %s", thread, tolerate=NO_SUCH_THREAD)


def in_grant(database: str) -> Identifier:
    """The database as GRANT and REVOKE take it: that one alone, though ``_`` and ``%`` are wildcards there."""
    return Identifier(grant_pattern(database))


def granted(pattern: str) -> str | None:
    """The one database that a pattern of ``mysql.db`` opens, None when it has a live wildcard."""
    parts = _PART.findall(pattern)
    return None if any(part in _WILD for part in parts) else "".join(part[-1] for part in parts)


def opens(pattern: str, database: str) -> bool:
    """Whether a pattern of ``mysql.db`` opens a database: ``%`` is any text, ``_`` any character, ``\\`` escapes."""
    expression = "".join(_WILD.get(part) or re.escape(part[-1]) for part in _PART.findall(pattern))
    return re.fullmatch(expression, database, re.DOTALL) is not None
