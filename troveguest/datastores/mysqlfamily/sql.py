"""The agent's one connection, over the server's Unix socket: opened when first needed, and again after it was lost.

PyMySQL would import ``cryptography`` (8 MB) wherever it is installed. It is of use only for passwords over unencrypted
TCP, which the agent never sends, so it is hidden while PyMySQL is loaded.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from common.contract.types import FilesystemStats
from common.errors import Busy, TroveError

from ..room import is_full, no_space
from . import Dialect
from .failures import CANNOT_CONNECT, timed_out, translate


class Identifier:
    """A name in SQL, which the driver cannot quote as it quotes values. Takes any text that the rules let through."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def sql(self) -> str:
        """Between backticks, where only the backtick is special. Raises ValueError for NUL, which would end the SQL."""
        if "\0" in self.name:
            raise ValueError("an identifier cannot hold NUL")
        return "`" + self.name.replace("`", "``") + "`"


Value = str | int | Identifier

CONNECT_TIMEOUT = 2.0
STATEMENT_TIMEOUT = 14.0
"""Seconds; just below the deadline of the contract's calls, behind which nobody waits any more."""
LOCK_TIMEOUT = 10
"""Seconds that a statement waits for a tenant's lock; the server's own default is a day."""
TURN_TIMEOUT = 10.0
"""Seconds that one order waits for another to end."""

_SETTINGS = "sql_big_selects = 1, sql_select_limit = 18446744073709551615"


def _load() -> ModuleType:
    hide = "cryptography" not in sys.modules
    if hide:
        sys.modules["cryptography"] = None  # type: ignore[assignment]
    try:
        import pymysql
    finally:
        if hide:
            del sys.modules["cryptography"]
    driver: ModuleType = pymysql
    return driver


pymysql = _load()


class Session:
    """One turn on the connection. In a statement each ``%s`` is a value (quoted by the driver) or an Identifier."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str, *values: Value, tolerate: int | None = None) -> None:
        """``tolerate`` is the number of an error that means: it is so already."""
        try:
            self.rows(statement, *values)
        except pymysql.err.Error as error:
            if tolerate is None or error.args[0] != tolerate:
                raise

    def rows(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement % tuple(map(self._quoted, values)) if values else statement)
            return list(cursor.fetchall())

    def _quoted(self, value: Value) -> str:
        if isinstance(value, Identifier):
            return value.sql()
        quoted: str = self._connection.escape(value)
        return quoted


class Sql:
    """Gives sessions, one at a time. ``space`` tells the volume's room, to explain a server that does not answer."""

    def __init__(self, dialect: Dialect, path: Path, account: str, space: Callable[[], FilesystemStats]) -> None:
        self._dialect = dialect
        self._path = path
        self._account = account
        self._space = space
        self._turn = threading.Lock()
        self._connection: Any = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Raises NotReady without a server, Busy when another order takes too long, and the server's errors as ours."""
        if not self._turn.acquire(timeout=TURN_TIMEOUT):
            raise Busy("Another order to this database server is under way.", "Ask again in a moment.")
        try:
            yield Session(self._open())
        except TroveError:
            raise
        except pymysql.err.Error as error:
            raise self._explain(error) from None
        except BaseException:
            self._drop()  # in the middle of an answer, perhaps: the next order must not read the rest of it
            raise
        finally:
            self._turn.release()

    def require_room(self) -> None:
        """To be asked before something is made: on a full volume the server waits for a minute, or writes half. Raises
        NoSpace."""
        if is_full(self._space().free):
            raise no_space()

    def check(self, timeout: float, question: str = "SELECT 1") -> Any:
        """Logs in anew and asks a question, whatever the kept connection does, within ``timeout`` seconds altogether;
        the first value of the answer.

        Raises NotReady when nobody answers in time, and the server's errors as ours.
        """
        with socket.socket(socket.AF_UNIX) as line:
            watchdog = threading.Timer(timeout, _hang_up, (line,))
            watchdog.start()
            try:
                line.settimeout(timeout)
                line.connect(str(self._path))
                return self._ask(line, question)
            except pymysql.err.Error as error:
                raise self._explain(error) from None
            except OSError:
                raise translate(CANNOT_CONNECT, "") from None
            finally:
                watchdog.cancel()

    def close(self) -> None:
        with self._turn:
            self._drop()

    def _open(self) -> Any:
        if self._connection is not None:
            try:
                self._connection.ping(reconnect=False)
            except pymysql.err.Error:
                self._drop()
        if self._connection is None:
            connection = self._connection_to_be()
            connection.connect()
            self._connection = connection
        return self._connection

    def _ask(self, line: socket.socket, question: str) -> Any:
        connection = self._connection_to_be()
        connection.connect(line)
        try:
            return Session(connection).rows(question)[0][0]
        finally:
            connection.close()

    def _connection_to_be(self) -> Any:
        return pymysql.connections.Connection(
            unix_socket=str(self._path),
            user=self._account,
            ssl_disabled=True,
            charset="utf8mb4",
            autocommit=True,
            sql_mode=self._dialect.mode,
            init_command=f"SET {self._dialect.session}, {_SETTINGS}, lock_wait_timeout = {LOCK_TIMEOUT}",
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=STATEMENT_TIMEOUT,
            write_timeout=STATEMENT_TIMEOUT,
            defer_connect=True,
        )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.close()

    def _explain(self, error: Exception) -> TroveError:
        if isinstance(error.__context__, TimeoutError):
            return timed_out(self._space().free)
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        return translate(number, str(error.args[1]) if len(error.args) > 1 else "")


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # nothing is left to hang up on
        line.shutdown(socket.SHUT_RDWR)
