"""A real server of Redis' protocol as a subject, and its client: redis-cli, over TCP.

``TROVE_TEST_REDIS`` names the version, ``TROVE_TEST_BINARIES`` the directory of its programs.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator

from common.datastores import redis as manifest
from troveguest.conformance import asking
from troveguest.conformance.subject import Subject, engine_context
from troveguest.datastores import load

VERSION = os.environ.get("TROVE_TEST_REDIS", "7.0")

WRONG = ("WRONGPASS", "NOAUTH")


class RedisClient:
    def __init__(self, port: int) -> None:
        self._port = port

    def can_log_in(self, name: str, password: str) -> bool:
        """An empty password is sent as one too: redis-cli would leave it out."""
        said = self.raw("AUTH", name, password)
        assert said == "+OK" or any(word in said for word in WRONG), said
        return said == "+OK"

    def can_use(self, name: str, password: str, database: str) -> bool:
        assert self.run(name, password, "SET", "written", "1") == "OK"
        return True

    def sees(self, name: str, password: str) -> set[str]:
        raise NotImplementedError

    def stays_logged_in(self, name: str, password: str, database: str, meanwhile: Callable[[], None]) -> bool:
        with self.connect() as line:
            assert send(line, "AUTH", name, password) == "+OK"
            assert send(line, "SET", "written", "1") == "+OK"
            meanwhile()
            return send(line, "SET", "written", "2") == "+OK"

    def run(self, name: str, password: str, *words: str) -> str:
        """What redis-cli prints."""
        done = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(self._port), "--user", name, *words],
                              env={"REDISCLI_AUTH": password, "PATH": os.environ["PATH"]}, capture_output=True,
                              text=True, timeout=30, check=False)
        return done.stdout.strip() or done.stderr.strip()

    def raw(self, *words: str) -> str:
        with self.connect() as line:
            return send(line, *words)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), 20)


def send(line: socket.socket, *words: str) -> str:
    """The first line of the answer; empty when the server hung up."""
    parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    try:
        line.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        return line.makefile("r", newline="\r\n").readline().rstrip("\r\n")
    except ConnectionError:
        return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def running() -> Iterator[Subject]:
    """One that serves."""
    for subject in subjects():
        subject.engine.initialise(asking.prepare())
        subject.engine.start(60)
        yield subject


def subjects(binaries: str = "", version: str = VERSION) -> Iterator[Subject]:
    """One that nothing was done to."""
    port = free_port()
    with engine_context(port, "agent", version, binaries=binaries) as context:
        made = Subject(load("redis", context), RedisClient(port), context.host, manifest.MANIFEST,
                       lambda: load("redis", context))
        yield made
        made.engine.close()
