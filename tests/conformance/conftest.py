"""Every test that a server was run for tells which one it was: the page of conformance is made from that."""

import functools
import re
import subprocess
from collections.abc import Iterator

import pytest

from troveguest.conformance.host import DirectHost
from troveguest.conformance.subject import Subject

_NAMES = (
    (r"\(PostgreSQL\) ([\d.]+)", "PostgreSQL"), (r"Ver ([\d.]+)-MariaDB", "MariaDB"),
    (r"mysqld +Ver ([\d.]+)", "MySQL"), (r"^Redis server v=([\d.]+)", "Redis"),
    (r"^Valkey server v=([\d.]+)", "Valkey"),
)
"""How the programs write their versions."""
_PROGRAM = re.compile(r"(/[^\s'\"]*/(?:mariadbd|mysqld|postgres|redis-server|valkey-server))(?=[\s'\"]|$)")


@pytest.fixture(autouse=True)
def tried_on(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    hosts = (value.host for value in request.node.funcargs.values() if isinstance(value, Subject))
    commands = " ".join(word for host in hosts if isinstance(host, DirectHost) for word in host.command)
    if program := _PROGRAM.search(commands):
        request.node.user_properties.append(("server", server(program[1])))


@functools.cache
def server(program: str) -> str:
    """Such as ``MariaDB 10.11.19``."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    return next(f"{name} {found[1]}" for pattern, name in _NAMES if (found := re.search(pattern, said)))
