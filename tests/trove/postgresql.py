"""A private PostgreSQL server for tests, of Debian's binaries, on a port and in a directory of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

SUPERUSER = "postgres"


def binaries() -> Path | None:
    """The newest that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The URL of its maintenance database, as SQLAlchemy takes it. ``durable``: what it commits is on the disk."""
    programs = binaries()
    assert programs is not None
    home = Path(tempfile.mkdtemp(prefix="trove-postgresql-"))
    try:
        if os.getuid() == 0:
            shutil.chown(home, SUPERUSER)
        port = _free_port()
        fsync = "on" if durable else "off"
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={home} -c fsync={fsync}"
        _run(programs / "initdb", "-D", home / "data", "-A", "trust", "-U", SUPERUSER)
        _run(programs / "pg_ctl", "-D", home / "data", "-l", home / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{port}/postgres"
        finally:
            _run(programs / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home)


@contextmanager
def away(maintenance: str) -> Iterator[None]:
    """The server of this URL is down, as by a crash, for the time of the block."""
    programs = binaries()
    assert programs is not None
    engine = sqlalchemy.create_engine(maintenance)
    with engine.connect() as connection:
        data = connection.exec_driver_sql("SHOW data_directory").scalar_one()
    engine.dispose()
    options = Path(data, "postmaster.opts").read_text().split()[1:]
    _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    try:
        yield
    finally:
        _run(programs / "pg_ctl", "-D", data, "-l", Path(data).parent / "log", "-o", " ".join(options), "-w", "start")


def new_database(maintenance: str) -> str:
    """The URL of an empty database of its own."""
    name = f"trove_{uuid.uuid4().hex[:8]}"
    engine = sqlalchemy.create_engine(maintenance, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return maintenance.removesuffix("postgres") + name


def _run(*argv: object) -> None:
    """The server refuses to run as root."""
    as_whom = ["runuser", "-u", SUPERUSER, "--"] if os.getuid() == 0 else []
    with subprocess.Popen([*as_whom, *map(str, argv)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          cwd="/") as process:
        assert process.stderr is not None
        assert process.wait(60) == 0, argv


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
