"""What several benchmarks stand on, made when the first one asks for it and gone at the end."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from common.openstack.rpc.connection import Bus, BusAddress
from common.secret import Secret
from tests import ground
from tests.installation import Installation, installation
from trove.bus.topology import GuestTopology
from trove.standalone.authority import Authority
from trove.standalone.rabbit import PrivateNode

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds for a connection or a process to come up on a busy machine."""


class Machinery:
    """Use as a context manager."""

    def __init__(self) -> None:
        self._running = contextlib.ExitStack()

    def __enter__(self) -> "Machinery":
        return self

    def __exit__(self, *raised: object) -> None:
        self._running.close()

    def directory(self) -> Path:
        """A new one, which everybody may pass through."""
        return self._running.enter_context(ground.directory())

    @functools.cached_property
    def installation(self) -> Installation:
        """A real one, started by ``trovectl``, without instances until somebody makes one."""
        return self._running.enter_context(installation(self.directory() / "state"))

    @functools.cached_property
    def broker(self) -> PrivateNode:
        """RabbitMQ with TLS, with the exchanges that all share."""
        home = self.directory()
        node = PrivateNode(home / "rabbit", Authority(home / "ca"))
        self._running.callback(node.stop)
        node.start()
        GuestTopology(self.admin(node)).prepare()
        return node

    def admin(self, node: PrivateNode) -> Any:
        client = node.admin()
        self._running.callback(client.close)
        return client


@contextmanager
def bus(address: BusAddress, name: str) -> Iterator[Bus]:
    """A connected one."""
    made = Bus(address, name)
    made.start()
    try:
        assert made.wait_connected(PATIENCE), "no connection to the broker"
        yield made
    finally:
        made.stop()


class Child:
    """A process of ours that is told what to do, and answers, in lines of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def tell(self, word: object) -> None:
        line = json.dumps(word) + "\n"
        _pipe(self._process.stdin).write(line)
        _pipe(self._process.stdin).flush()

    def hear(self) -> Any:
        """Its next line. Raises AssertionError when it ended."""
        line = _pipe(self._process.stdout).readline()
        assert line, f"{self._process.args} ended"
        return json.loads(line)

    def ask(self, word: object) -> Any:
        self.tell(word)
        return self.hear()


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """``module`` of this package in a process of its own; it ends when its standard input does."""
    command = [sys.executable, "-W", "ignore", "-m", f"tests.benchmarks.{module}", *arguments]
    with subprocess.Popen(command, cwd=CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Child(process)
        finally:
            process.terminate()


def obey(do: Callable[[Any], object]) -> NoReturn:
    """A child's side: does what it is told and answers with what comes of it; ends when nobody is there any more."""
    for line in sys.stdin:
        print(json.dumps(do(json.loads(line))), flush=True)
    os._exit(0)  # whatever threads still serve


def address_as_json(address: BusAddress) -> dict[str, Any]:
    """With its password in clear: for the standard input of a child."""
    fields = {name: getattr(address, name) for name in address.__dataclass_fields__}
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}


def address_of(fields: dict[str, Any]) -> BusAddress:
    return BusAddress(**{**fields, "password": Secret(fields["password"])})


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
