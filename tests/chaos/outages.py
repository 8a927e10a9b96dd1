"""What is taken away for minutes, how it is kept away, and what is looked at meanwhile."""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from common.errors import TroveError
from tests.awaiting import until
from tests.broker_view import BrokerView
from tests.chaos.test_killed_agent import broker_pid
from tests.installation import CommandFailed, Installation, kill, sql
from trove.standalone.authority import Authority
from trove.standalone.rabbit import PrivateNode

EACH_WRITE = 1.0


class Writer:
    """A SQL client that logs in and writes a row each second, and keeps count."""

    def __init__(self, instance: dict) -> None:
        self.failures: list[str] = []
        self.written = 0
        self._instance = instance
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Writer":
        self._sql("CREATE TABLE IF NOT EXISTS ticks (tick INT)")
        self._sql("TRUNCATE ticks")
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopping.set()
        self._thread.join()

    def kept(self) -> int:
        """Rows that are there."""
        return int(self._sql("SELECT COUNT(*) FROM ticks")[0])

    def _work(self) -> None:
        while not self._stopping.wait(EACH_WRITE):
            try:
                self._sql(f"INSERT INTO ticks VALUES ({self.written})")
                self.written += 1
            except CommandFailed as error:
                self.failures.append(f"{time.strftime('%H:%M:%S')} {error}")

    def _sql(self, statement: str) -> list[str]:
        return sql(self._instance, "anna", "secret-anna", statement, "shop")


@contextmanager
def writing(*instances: dict) -> Iterator[None]:
    """Writes to all of them meanwhile; fails when one write failed, or a written row is not there in the end."""
    with ExitStack() as running:
        writers = [running.enter_context(Writer(instance)) for instance in instances]
        yield
    for writer in writers:
        assert writer.failures == []
        assert writer.kept() == writer.written > 0


@contextmanager
def no_broker(installation: Installation) -> Iterator[None]:
    """Killed, and kept from starting again: its port is taken. The control plane may not be faster than we."""
    port = PrivateNode(installation.state / "rabbit", Authority(installation.state / "ca")).ports.amqp
    with socket.socket() as taker:
        os.kill(installation.pid, signal.SIGSTOP)
        try:
            kill(broker_pid(installation.state))
            until(lambda: _bound(taker, port), 30, "the broker's port is ours", every=0.01)
        finally:
            os.kill(installation.pid, signal.SIGCONT)
        yield


def _bound(taker: socket.socket, port: int) -> bool:
    """Takes the port although sockets of the dead broker linger there, and shares it with nobody who would do alike."""
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taker.bind(("127.0.0.1", port))
    except OSError:
        return False
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return True


def serves(instance: dict) -> bool:
    try:
        return sql(instance, "anna", "secret-anna", "SELECT 1") == ["1"]
    except CommandFailed:
        return False


def broker_answers(installation: Installation) -> bool:
    """Whether it takes logins."""
    try:
        return bool(BrokerView(installation.state).all_of("logins"))
    except TroveError:
        return False


def overflowing(installation: Installation, most: int) -> list[str]:
    """Queues with more than ``most`` messages, and queues for what others write whose length nothing limits."""
    found = []
    for queue in BrokerView(installation.state).queues():
        name, arguments, messages = queue["name"], queue["arguments"], queue.get("messages", 0)
        if not name.startswith("guestagent.") and "x-max-length" not in arguments:
            found.append(f"{name} has no limit")
        if messages > most:
            found.append(f"{name} has {messages} messages")
    return found


def observed(installation: Installation) -> dict[str, tuple[str, float]]:
    """What the store has of each living instance: its status, and since when, in seconds since 1970."""
    return {row[0]: (row[1], row[2]) for row in _rows(
        installation, "SELECT id, observed_status, observed_at FROM instances WHERE deleted_at IS NULL")}


def failed_since(installation: Installation, moment: float) -> list[tuple[str, ...]]:
    """(kind, step, error) of operations that were asked for after ``moment`` and did not end as done."""
    return _rows(installation, "SELECT kind, step, state, error_message FROM operations"
                               f" WHERE created > {moment} AND state NOT IN ('asked', 'running', 'done')")


def _rows(installation: Installation, query: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{installation.state / 'trove.sqlite'}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()
