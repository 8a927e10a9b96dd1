"""From ``POST /instances`` to a server that a user can use, against MariaDB's own initialise-and-start.

The bare side runs MariaDB's two programs with the configuration that an agent wrote, as an instance's engine user, on
the volume of an idle instance (XFS in an image as root, else the same plain file system), and makes the same database
and user from a file at its start. It has no control group. Both sides end when the user's ``SELECT 1`` is answered.
"""

import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests import installation as installations
from tests.awaiting import until
from tests.benchmarks.comparison import Result, Scale, interleaved
from tests.benchmarks.machinery import Machinery
from tests.installation import CommandFailed, Installation

PORT = 3306
LOOK = 0.005
"""Seconds between two looks at either side."""

PATIENCE = 60.0
MADE = """\
CREATE DATABASE shop;
CREATE USER anna@'%' IDENTIFIED BY 'secret-anna';
GRANT ALL ON shop.* TO anna@'%';
"""


def of_instance(machinery: Machinery, scale: Scale) -> Result:
    """Seconds."""
    installed = machinery.installation
    host = installed.create("host")
    shown = installed.healthy(host)
    bare = Bare(installed, host, installations.address(shown))
    result = interleaved(scale.creations, lambda: _create(installed), bare.create)
    installed.delete(host)
    installed.gone(host)
    return result


def _create(installed: Installation) -> float:
    began = time.perf_counter()
    instance = installed.create("one")
    shown = until(lambda: _addressed(installed, instance), PATIENCE, "the instance has an address", every=LOOK)
    _await_sql(installations.address(shown))
    seconds = time.perf_counter() - began
    installed.healthy(instance)
    installed.delete(instance)
    installed.gone(instance)
    return seconds


def _addressed(installed: Installation, instance: str) -> dict[str, Any] | None:
    shown = installed.show(instance)
    assert shown is not None and shown["status"] != "ERROR", shown
    return shown if shown.get("addresses") else None


class Bare:
    """MariaDB without Trove, in a directory beside the data of the instance ``host``."""

    def __init__(self, installed: Installation, host: str, address: str) -> None:
        home = installed.home(host)
        self._volume = home / "volume"
        self._configuration = next(home.rglob("mariadb.cnf")).read_text()
        self._account = os.stat(f"/proc/{installed.service_pid(host, 'database')}")
        self._network = address.rpartition(".")[0]
        self._own = int(address.rpartition(".")[2])
        self._numbers = itertools.count()

    def create(self) -> float:
        place = self._volume / f"bare-{next(self._numbers)}"
        place.mkdir()
        address = self._free_address()
        (place / "tmp").mkdir()
        (place / "my.cnf").write_text(self._configured(place, address))
        (place / "init.sql").write_text(MADE)
        for path in (place, *place.iterdir()):
            os.chown(path, self._account.st_uid, self._account.st_gid)
        try:
            return self._timed(place, address)
        finally:
            shutil.rmtree(place)

    def _timed(self, place: Path, address: str) -> float:
        options = f"--defaults-file={place / 'my.cnf'}"
        began = time.perf_counter()
        with (place / "log").open("wb") as log:
            self._start("mariadb-install-db", options, "--skip-test-db", "--auth-root-authentication-method=socket",
                        log=log).wait(PATIENCE)
            server = self._start("mariadbd", options, f"--init-file={place / 'init.sql'}", log=log)
            try:
                _await_sql(address)
                return time.perf_counter() - began
            finally:
                server.terminate()
                server.wait(PATIENCE)

    def _start(self, *command: str, log: Any) -> "subprocess.Popen[bytes]":
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            identity = {"user": self._account.st_uid, "group": self._account.st_gid, "extra_groups": []}
        return subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **identity)

    def _configured(self, place: Path, address: str) -> str:
        """The agent's configuration with other places and another address; what the tenant overrode is nothing."""
        own = {"datadir": place / "data", "tmpdir": place / "tmp", "socket": place / "s", "pid-file": place / "pid",
               "bind-address": address}
        text = re.sub(r"^!include .*$", "", self._configuration, flags=re.MULTILINE)
        for name, value in own.items():
            text, found = re.subn(rf'^{name} = .*$', f'{name} = "{value}"', text, flags=re.MULTILINE)
            assert found == 1, name
        return text

    def _free_address(self) -> str:
        for number in itertools.chain(range(self._own + 1, 255), range(1, self._own)):
            with socket.socket() as probe:
                if probe.connect_ex((f"{self._network}.{number}", PORT)) != 0:
                    return f"{self._network}.{number}"
        raise AssertionError("no address is free")


def _await_sql(address: str) -> None:
    """Looks for the port first: that is cheap, and a SQL client is not."""
    until(lambda: _listens(address), PATIENCE, f"{address} listens", every=LOOK)
    until(lambda: _answers(address), PATIENCE, f"{address} answers its user", every=LOOK)


def _listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, PORT)) == 0


def _answers(address: str) -> bool:
    shown = {"addresses": [{"address": address, "port": PORT}]}
    try:
        return installations.sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    except CommandFailed:
        return False
