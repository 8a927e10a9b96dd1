"""A real PostgreSQL server as a subject, and its client: psql, over TCP."""

import getpass
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from common.datastores import postgresql as manifest
from troveguest.conformance import asking
from troveguest.conformance.subject import Subject, engine_context
from troveguest.datastores import load
from troveguest.datastores.postgresql import programs

VERSION = os.environ.get("TROVE_TEST_POSTGRESQL", "15")
BINARIES = os.environ.get("TROVE_TEST_BINARIES", "")
WRITE = "CREATE TABLE IF NOT EXISTS written (number INT); INSERT INTO written VALUES (1);"

MEMORY = Path("/dev/shm")
ROOM = 1 << 30
"""Bytes for data and write-ahead log."""

WRONG = ("password authentication failed", "no password supplied", "pg_hba.conf rejects")
CLOSED = "permission denied for database"
DENIED = (CLOSED, "not currently accepting connections", "terminating connection")


class PsqlClient:
    """``databases`` tells all that there are: who logs in is not shown which of them are his."""

    def __init__(self, port: int, databases: Callable[[], list[str]], binaries: str, version: str) -> None:
        self._port = port
        self._databases = databases
        self.program = str(programs.find(binaries, version).server.with_name("psql"))

    def can_log_in(self, name: str, password: str) -> bool:
        """With a right password, who has no database is told that this one is closed to him."""
        said = self.run(name, password, "template1", "SELECT 1").stderr
        assert not said or any(words in said for words in (*WRONG, CLOSED)), said
        return not any(words in said for words in WRONG)

    def can_use(self, name: str, password: str, database: str) -> bool:
        done = self.run(name, password, database, WRITE)
        assert done.returncode == 0 or any(words in done.stderr for words in DENIED), done.stderr
        return done.returncode == 0

    def sees(self, name: str, password: str) -> set[str]:
        return {database for database in self._databases()
                if not self.run(name, password, database, "SELECT 1").returncode}

    def stays_logged_in(self, name: str, password: str, database: str, meanwhile: Callable[[], None]) -> bool:
        with subprocess.Popen(self._command(), env=self._environment(name, password, database), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as psql:
            assert psql.stdin is not None and psql.stdout is not None and psql.stderr is not None
            psql.stdin.write(f"{WRITE} SELECT 'in';\n")
            psql.stdin.flush()
            while psql.stdout.readline() != "in\n":
                assert psql.poll() is None, psql.stderr.read()
            meanwhile()
            _, said = psql.communicate(WRITE, 20)
            assert not said or any(words in said for words in DENIED), said
            return psql.returncode == 0

    def run(self, name: str, password: str, database: str, statements: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self._command(), env=self._environment(name, password, database), input=statements,
                              capture_output=True, text=True, timeout=30, check=False)

    def _command(self) -> list[str]:
        return [self.program, "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align",
                "--set=ON_ERROR_STOP=1"]

    def _environment(self, name: str, password: str, database: str) -> dict[str, str]:
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self._port), "PGUSER": name, "PGPASSWORD": password,
                "PGDATABASE": database, "PGCONNECT_TIMEOUT": "10",
                "PGOPTIONS": "-c client_min_messages=warning", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def running(binaries: str = BINARIES, version: str = VERSION) -> Iterator[Subject]:
    """One that serves, in memory where there is room, and that does not care for the disk: the kit makes hundreds of
    databases."""
    for subject in subjects(binaries, version, _memory()):
        subject.overrides = dict.fromkeys(("fsync", "full_page_writes", "autovacuum"), "off")
        subject.engine.initialise(asking.prepare(overrides=subject.overrides))
        subject.engine.start(60)
        yield subject


def subjects(binaries: str = BINARIES, version: str = VERSION, within: Path | None = None) -> Iterator[Subject]:
    """One that nothing was done to."""
    port = free_port()
    with engine_context(port, getpass.getuser(), version, within, binaries) as context:
        client = PsqlClient(port, lambda: asking.databases(made), binaries, version)
        made = Subject(load("postgresql", context), client, context.host, manifest.MANIFEST,
                       lambda: load("postgresql", context))
        yield made
        made.engine.close()


def _memory() -> Path | None:
    if not MEMORY.is_dir():
        return None
    space = os.statvfs(MEMORY)
    return MEMORY if space.f_bavail * space.f_frsize > ROOM else None
