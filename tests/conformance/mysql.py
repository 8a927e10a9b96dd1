"""A real MySQL server as a subject, and its client."""

import getpass
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from common.datastores import mysql as manifest
from tests.conformance import mariadb
from tests.conformance.postgresql import MEMORY, ROOM
from troveguest.conformance import asking
from troveguest.conformance.subject import Subject, engine_context
from troveguest.datastores import load

VERSION = "9.7"


def _unverified() -> ssl.SSLContext:
    """The server makes its own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class MySqlClient(mariadb.SqlClient):
    """With TLS, without which the server takes no password that it has not seen before."""

    tls: ClassVar[dict[str, Any]] = {"ssl": _unverified()}


def running(binaries: Path) -> Iterator[Subject]:
    """One that serves."""
    for subject in subjects(binaries):
        subject.engine.initialise(asking.prepare())
        subject.engine.start(60)
        yield subject


def subjects(binaries: Path) -> Iterator[Subject]:
    """One that nothing was done to, in memory where there is room: it writes 100 MB before it serves."""
    port = mariadb.free_port()
    with engine_context(port, getpass.getuser(), VERSION, _memory(), str(binaries)) as context:
        made = Subject(load("mysql", context), MySqlClient(port), context.host, manifest.MANIFEST,
                       lambda: load("mysql", context))
        yield made
        made.engine.close()


def _memory() -> Path | None:
    if not MEMORY.is_dir():
        return None
    space = os.statvfs(MEMORY)
    return MEMORY if space.f_bavail * space.f_frsize > ROOM else None
