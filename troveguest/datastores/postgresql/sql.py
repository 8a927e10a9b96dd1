"""Sessions over the server's Unix socket, one an order: a kept one would be a process in the server all the time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.contract.types import FilesystemStats
from common.errors import DeadlinePassed, TroveError

from ..room import is_full, no_space
from . import wire
from .failures import silent, translate, translate_login
from .names import Identifier, literal
from .programs import ROLE
from .wire import Row

Value = str | Identifier

DATABASE = "postgres"
CONNECT_TIMEOUT = 2.0
STATEMENT_TIMEOUT = 14.0
"""Seconds; just below the deadline of the contract's calls, behind which nobody waits any more."""
LOCK_TIMEOUT = 10
"""Seconds that a statement waits for a tenant's lock; the server's own default is to wait for ever."""

_SETTINGS = {
    "application_name": "trove-guestagent",
    "client_encoding": "UTF8",
    "client_min_messages": "error",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "role": "none",
    "search_path": "pg_catalog",
    "session_replication_role": "origin",
    "standard_conforming_strings": "on",
    "statement_timeout": f"{STATEMENT_TIMEOUT:.0f}s",
    "synchronous_commit": "local",
}
"""For every session, since a tenant with root can give the agent's role and databases others."""


class Session:
    """One turn. In a statement each ``%s`` is a value, which is quoted, or an Identifier."""

    def __init__(self, connection: wire.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, *values: Value) -> None:
        self.rows(statement, *values)

    def rows(self, statement: str, *values: Value) -> list[Row]:
        text = statement % tuple(map(_quoted, values)) if values else statement
        return self._connection.rows(text, STATEMENT_TIMEOUT + 1)

    def texts(self, statement: str, *values: Value) -> list[str]:
        """The first column, without NULLs."""
        return [row[0] for row in self.rows(statement, *values) if row[0] is not None]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what is raised inside leaves the session, and the server takes back what was done."""
        self.execute("BEGIN")
        yield
        self.execute("COMMIT")


class Sql:
    """``space`` tells the volume's room, to explain a server that does not answer."""

    def __init__(self, socket: Path, version: str, space: Callable[[], FilesystemStats]) -> None:
        self._socket = socket
        self._space = space
        self._settings = _SETTINGS | ({"event_triggers": "off"} if int(version) >= 17 else {})

    @contextmanager
    def session(self, database: str = DATABASE) -> Iterator[Session]:
        """Raises NotReady without a server, and the server's errors as ours."""
        connection = self._connect(database, CONNECT_TIMEOUT)
        try:
            yield Session(connection)
        except wire.ServerError as error:
            raise translate(error.code, error.message) from None
        except wire.Lost as error:
            raise self._explain(error) from None
        finally:
            connection.close()

    def check(self, timeout: float, question: str = "SELECT 1") -> str | None:
        """Logs in and asks, within ``timeout`` seconds altogether; the first value of the answer."""
        connection = self._connect(DATABASE, timeout)
        try:
            rows = connection.rows(question)
        except wire.ServerError as error:
            raise translate(error.code, error.message) from None
        except wire.Lost:
            raise silent() from None
        finally:
            connection.close()
        return rows[0][0] if rows and rows[0] else None

    def require_room(self) -> None:
        """To be asked before something is made: on a full volume the server ends in the middle of it. Raises
        NoSpace."""
        if is_full(self._space().free):
            raise no_space()

    def _connect(self, database: str, timeout: float) -> wire.Connection:
        try:
            return wire.Connection(self._socket, {"user": ROLE, "database": database, **self._settings}, timeout)
        except wire.ServerError as error:
            raise translate_login(error.code, error.message) from None
        except wire.Lost:
            raise silent() from None

    def _explain(self, error: wire.Lost) -> TroveError:
        if is_full(self._space().free):
            return no_space()
        if isinstance(error, wire.Late):
            return DeadlinePassed("The database server did not answer in time.", "Ask again when it is less busy.")
        return silent()


def _quoted(value: Value) -> str:
    return value.sql() if isinstance(value, Identifier) else literal(value)
