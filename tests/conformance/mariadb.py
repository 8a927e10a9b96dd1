"""A real MariaDB server as a subject, and its client."""

import getpass
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from common.datastores import mariadb as manifest
from troveguest.conformance import asking
from troveguest.conformance.subject import Subject, engine_context
from troveguest.datastores import load
from troveguest.datastores.mysqlfamily.sql import pymysql

DENIED = (1044, 1045, 1142, 1698, 3118)
GONE = (2006, 2013)


class SqlClient:
    """Over TCP. Passwords go as bytes, since PyMySQL would take a text for Latin-1."""

    tls: ClassVar[dict[str, Any]] = {"ssl_disabled": True}

    def __init__(self, port: int) -> None:
        self._port = port

    def can_log_in(self, name: str, password: str) -> bool:
        try:
            self.connect(name, password).close()
        except pymysql.err.OperationalError as error:
            assert error.args[0] in DENIED, error
            return False
        return True

    def can_use(self, name: str, password: str, database: str) -> bool:
        connection = self.connect(name, password)
        try:
            connection.select_db(database)
            _write(connection)
        except pymysql.err.Error as error:
            assert error.args[0] in DENIED, error
            return False
        finally:
            connection.close()
        return True

    def sees(self, name: str, password: str) -> set[str]:
        connection = self.connect(name, password)
        try:
            cursor = connection.cursor()
            cursor.execute("SHOW DATABASES")
            return {database for (database,) in cursor.fetchall()} - {"information_schema", "performance_schema"}
        finally:
            connection.close()

    def stays_logged_in(self, name: str, password: str, database: str, meanwhile: Callable[[], None]) -> bool:
        connection = self.connect(name, password)
        connection.select_db(database)
        _write(connection)
        meanwhile()
        try:
            _write(connection)
        except pymysql.err.Error as error:
            assert error.args[0] in (*DENIED, *GONE), error
            return False
        finally:
            if connection.open:
                connection.close()
        return True

    def connect(self, name: str, password: str) -> Any:
        return pymysql.connect(
            host="127.0.0.1", port=self._port, user=name, password=password.encode(), autocommit=True,
            charset="utf8mb4", connect_timeout=5, read_timeout=10, **self.tls)


def _write(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS written (number INT)")
    cursor.execute("INSERT INTO written VALUES (1)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def running() -> Iterator[Subject]:
    """One that serves."""
    for subject in subjects():
        subject.engine.initialise(asking.prepare())
        subject.engine.start(60)
        yield subject


def subjects() -> Iterator[Subject]:
    """One that nothing was done to."""
    port = free_port()
    version = os.environ.get("TROVE_TEST_MARIADB", "10.11")
    with engine_context(port, getpass.getuser(), version) as context:
        made = Subject(load("mariadb", context), SqlClient(port), context.host, manifest.MANIFEST,
                       lambda: load("mariadb", context))
        yield made
        made.engine.close()
