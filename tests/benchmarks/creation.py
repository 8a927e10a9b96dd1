"""From ``POST /instances`` to a server that a user can use, against the engine's own initialise-and-start.

Our side with a template and without, and with one on a pool of XFS; the bare side runs the engine's own programs with
the configuration that an agent wrote, as an instance's engine user, on the volume of an idle instance (XFS in an image
as root, else the same plain file system), and makes the same database and user. It has no control group. Every side
ends when the user's ``SELECT 1`` is answered.
"""

import itertools
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from tests import ground
from tests import installation as installations
from tests.awaiting import until
from tests.benchmarks.comparison import Result, Scale
from tests.benchmarks.machinery import Machinery
from tests.installation import CommandFailed, Installation

LOOK = 0.005
"""Seconds between two looks at either side."""

PATIENCE = 120.0
AT_ONCE = 10
MADE = """\
CREATE DATABASE shop;
CREATE USER anna@'%' IDENTIFIED BY 'secret-anna';
GRANT ALL ON shop.* TO anna@'%';
"""
MADE_IN_POSTGRESQL = ("CREATE ROLE anna LOGIN PASSWORD 'secret-anna'", "CREATE DATABASE shop OWNER anna")


def of_mariadb(machinery: Machinery, scale: Scale) -> Result:
    """Seconds."""
    return _measured(machinery, scale, Bare)


def of_postgresql(machinery: Machinery, scale: Scale) -> Result:
    """Seconds."""
    return _measured(machinery, scale, BarePostgreSQL)


def _measured(machinery: Machinery, scale: Scale, kind: "type[Bare]") -> Result:
    """A B C A B C …, after one round of each that does not count."""
    installed = machinery.installation
    host = installed.create("host", engine=kind.datastore)
    bare = kind(installed, host, installations.address(installed.healthy(host)))
    _await_template(installed.state, kind)
    sides: list[list[float]] = [[], [], []]
    for _ in range(scale.creations + 1):
        sides[0].append(_create(installed, kind))
        sides[1].append(bare.create())
        with _no_templates(installed.state):
            sides[2].append(_create(installed, kind))
    ours, other, plain = (tuple(side[1:]) for side in sides)
    further = {"without template": statistics.median(plain) / statistics.median(other)}
    installed.delete(host)
    installed.gone(host)
    further["ten at once s"] = _at_once(installed, kind)
    if os.geteuid() == 0:
        further["on XFS s"] = _on_xfs(kind, scale)
    return Result(ours, other, further)


def _on_xfs(kind: "type[Bare]", scale: Scale) -> float:
    """Where the pool with the images of the volumes is an XFS."""
    with _xfs() as pool, installations.installation(pool / "state") as installed:
        first = installed.create("first", engine=kind.datastore)
        installed.healthy(first)
        _await_template(installed.state, kind)
        return statistics.median([_create(installed, kind) for _ in range(scale.creations + 1)][1:])


@contextmanager
def _xfs() -> Iterator[Path]:
    with ground.directory() as top:
        image, pool = top / "image", top / "x"
        with image.open("wb") as file:
            file.truncate(8 << 30)
        subprocess.run(["mkfs.xfs", "-q", image], check=True)
        pool.mkdir()
        subprocess.run(["mount", "-o", "loop", image, pool], check=True)
        pool.chmod(0o711)
        try:
            yield pool
        finally:
            subprocess.run(["umount", pool], check=True)


def _await_template(state: Path, kind: "type[Bare]") -> None:
    until(lambda: list(state.glob(f"templates/{kind.datastore}-*/manifest.json")), PATIENCE, "a template is made")
    until(lambda: not list(state.glob("instances/*/template")), PATIENCE, "its maker is gone", every=LOOK)


@contextmanager
def _no_templates(state: Path) -> Iterator[None]:
    """As where none could be made."""
    made = list(state.glob("templates/*-*"))
    for path in made:
        path.rename(path.with_name(f".{path.name}"))
        path.mkdir()
        (path / "failed").write_text("for a benchmark")
    try:
        yield
    finally:
        for path in made:
            shutil.rmtree(path)
            path.with_name(f".{path.name}").rename(path)


def _create(installed: Installation, kind: "type[Bare]") -> float:
    began = time.perf_counter()
    instance = installed.create("one", engine=kind.datastore)
    _await_first_answer(installed, instance, kind)
    seconds = time.perf_counter() - began
    installed.healthy(instance)
    installed.delete(instance)
    installed.gone(instance)
    return seconds


def _at_once(installed: Installation, kind: "type[Bare]") -> float:
    """Until the last of ten that are asked for together answers."""
    began = time.perf_counter()
    instances = [installed.create(f"one-{number}", engine=kind.datastore) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda instance: _await_first_answer(installed, instance, kind, 0.05), instances))
    seconds = time.perf_counter() - began
    for instance in instances:
        installed.healthy(instance)
        installed.delete(instance)
    for instance in instances:
        installed.gone(instance)
    return seconds


def _await_first_answer(installed: Installation, instance: str, kind: "type[Bare]", every: float = LOOK) -> None:
    shown = until(lambda: _addressed(installed, instance), PATIENCE, "the instance has an address", every=every)
    _await_sql(installations.address(shown), kind.port, kind.ask, every)


def _addressed(installed: Installation, instance: str) -> dict[str, Any] | None:
    shown = installed.show(instance)
    assert shown is not None and shown["status"] != "ERROR", shown
    return shown if shown.get("addresses") else None


# Both ask in this process: a client program that begins again and again would take a processor from what it looks at.


def _ask_mariadb(instance: dict[str, Any], user: str, password: str, statement: str) -> list[str]:
    try:
        with pymysql.connect(host=installations.address(instance), port=installations.port(instance), user=user,
                             password=password, connect_timeout=10) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return [str(row[0]) for row in cursor.fetchall()]
    except pymysql.Error as error:
        raise CommandFailed(str(error)) from error


def _ask_postgresql(instance: dict[str, Any], user: str, password: str, statement: str) -> list[str]:
    try:
        with psycopg.connect(host=installations.address(instance), port=installations.port(instance), user=user,
                             password=password, dbname="shop", connect_timeout=10) as connection:
            return [str(row[0]) for row in connection.execute(statement)]  # type: ignore[call-overload]
    except psycopg.Error as error:
        raise CommandFailed(str(error)) from error


class Bare:
    """MariaDB without Trove, in a directory beside the data of the instance ``host``."""

    datastore, port = "mariadb", 3306
    configuration = "mariadb.cnf"
    ask: Callable[..., list[str]] = staticmethod(_ask_mariadb)

    def __init__(self, installed: Installation, host: str, address: str) -> None:
        home = installed.home(host)
        self._volume = home / "volume"
        self._configuration = next(home.rglob(self.configuration)).read_text()
        self._account = os.stat(f"/proc/{installed.service_pid(host, 'database')}")
        self._network = address.rpartition(".")[0]
        self._own = int(address.rpartition(".")[2])
        self._numbers = itertools.count()

    def create(self) -> float:
        place = self._volume / f"bare-{next(self._numbers)}"
        place.mkdir()
        address = self._free_address()
        self._furnish(place, address)
        for path in (place, *place.iterdir()):
            os.chown(path, self._account.st_uid, self._account.st_gid)
        try:
            return self._timed(place, address)
        finally:
            shutil.rmtree(place)

    def _furnish(self, place: Path, address: str) -> None:
        (place / "tmp").mkdir()
        (place / "my.cnf").write_text(self._configured(place, address))
        (place / "init.sql").write_text(MADE)

    def _timed(self, place: Path, address: str) -> float:
        began = time.perf_counter()
        with (place / "log").open("wb") as log:
            server = self._serve(place, address, log)
            try:
                _await_sql(address, self.port, self.ask)
                return time.perf_counter() - began
            finally:
                server.terminate()
                server.wait(PATIENCE)

    def _serve(self, place: Path, address: str, log: Any) -> "subprocess.Popen[bytes]":
        options = f"--defaults-file={place / 'my.cnf'}"
        self._start("mariadb-install-db", options, "--skip-test-db", "--auth-root-authentication-method=socket",
                    log=log).wait(PATIENCE)
        return self._start("mariadbd", options, f"--init-file={place / 'init.sql'}", log=log)

    def _start(self, *command: str, log: Any) -> "subprocess.Popen[bytes]":
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            identity = {"user": self._account.st_uid, "group": self._account.st_gid, "extra_groups": []}
        return subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **identity)

    def _configured(self, place: Path, address: str) -> str:
        """The agent's configuration with other places and another address; what the tenant overrode is nothing."""
        own = {"datadir": place / "data", "tmpdir": place / "tmp", "secure-file-priv": place / "tmp",
               "socket": place / "s", "pid-file": place / "pid", "bind-address": address}
        text = re.sub(r"^(!include|init-file) .*$", "", self._configuration, flags=re.MULTILINE)
        for name, value in own.items():
            text, found = re.subn(rf'^{name} = .*$', f'{name} = "{value}"', text, flags=re.MULTILINE)
            assert found == 1, name
        return text

    def _free_address(self) -> str:
        for number in itertools.chain(range(self._own + 1, 255), range(1, self._own)):
            with socket.socket() as probe:
                if probe.connect_ex((f"{self._network}.{number}", self.port)) != 0:
                    return f"{self._network}.{number}"
        raise AssertionError("no address is free")


class BarePostgreSQL(Bare):
    """PostgreSQL without Trove."""

    datastore, port = "postgresql", 5432
    configuration = "postgresql.conf"
    programs = Path("/usr/lib/postgresql/15/bin")
    client = str(programs / "psql")
    """Not Debian's of that name, which is a script that first looks for it, and takes longer than many a step here."""
    ask: Callable[..., list[str]] = staticmethod(_ask_postgresql)

    def create(self) -> float:
        """A socket's path has 107 bytes at most, fewer than some places."""
        with tempfile.TemporaryDirectory(dir="/tmp", prefix="b-") as self._short:
            os.chown(self._short, self._account.st_uid, self._account.st_gid)
            return super().create()

    def _furnish(self, place: Path, address: str) -> None:
        settings = re.sub(r"^include .*$", "", self._configuration, flags=re.MULTILINE)
        (place / "postgresql.conf").write_text(settings)
        (place / "pg_hba.conf").write_text("local all postgres trust\nhost all all all scram-sha-256\n")

    def _serve(self, place: Path, address: str, log: Any) -> "subprocess.Popen[bytes]":
        data = place / "data"
        self._start(str(self.programs / "initdb"), f"--pgdata={data}", "--username=postgres", "--encoding=UTF8",
                    "--locale=C.UTF-8", "--data-checksums", log=log).wait(PATIENCE)
        settings = {"config_file": place / "postgresql.conf", "hba_file": place / "pg_hba.conf", "port": self.port,
                    "listen_addresses": address, "unix_socket_directories": self._short}
        server = self._start(str(self.programs / "postgres"), "-D", str(data),
                             *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")), log=log)
        until(lambda: _listens(address, self.port), PATIENCE, "it listens", every=LOOK)
        words = [word for each in MADE_IN_POSTGRESQL for word in ("--command", each)]
        until(lambda: self._start(self.client, "--no-psqlrc", f"--host={self._short}", "--username=postgres", *words,
                                  log=log).wait(PATIENCE) == 0, PATIENCE, "it takes statements", every=LOOK)
        return server


def _await_sql(address: str, port: int, ask: Callable[..., list[str]], every: float = LOOK) -> None:
    """Looks for the port first: that costs the server nothing."""
    until(lambda: _listens(address, port), PATIENCE, f"{address} listens", every=every)
    until(lambda: _answers(address, port, ask), PATIENCE, f"{address} answers its user", every=every)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def _answers(address: str, port: int, ask: Callable[..., list[str]]) -> bool:
    shown = {"addresses": [{"address": address, "port": port}]}
    try:
        return ask(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    except CommandFailed:
        return False
