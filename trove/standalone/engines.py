"""Which database engines this machine has, and in which versions."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from common import datastores
from common.errors import HostFailed

MARIADB = Path("/usr/sbin/mariadbd")
MYSQL = Path("/usr/sbin/mysqld")
POSTGRESQL = Path("/usr/lib/postgresql")
"""Debian's, with a directory a version."""
REDIS = (Path("/usr/bin/redis-server"), Path("/usr/bin/valkey-server"))
"""Either may be there under the other's name: a server says itself which it is."""
_NUMBER = re.compile(r"\bVer (\d+\.\d+)")
_MYSQL = re.compile(r"\bVer (\d+\.\d+)\.\d+\b(?!-MariaDB)")
"""MariaDB goes by that name as well."""

_REDIS = re.compile(r"(Redis|Valkey) server v=(\d+\.\d+)")


class Installed(NamedTuple):
    """``binaries`` is the directory of the programs, or one of them, empty where those of the system are meant;
    ``datastore`` is what people call it, where that is not the engine's name."""

    engine: str
    version: str
    binaries: str
    datastore: str = ""


def installed() -> tuple[Installed, ...]:
    """Of each engine the newest first; versions as the manifests write them. Raises HostFailed for a MariaDB that is
    too new or too old to manage; of the others, which may be there in several versions, those are passed over."""
    found = [Installed("mariadb", _known("mariadb", _mariadb()), "")] if MARIADB.exists() else []
    if MYSQL.exists() and (told := _MYSQL.search(_said(MYSQL))) and told[1] in datastores.manifest("mysql").versions:
        found.append(Installed("mysql", told[1], ""))
    for version in reversed(datastores.manifest("postgresql").versions):
        if (binaries := POSTGRESQL / version / "bin").joinpath("postgres").exists():
            found.append(Installed("postgresql", version, str(binaries)))
    return (*found, *_redis())


def _redis() -> Iterable[Installed]:
    """One of each, though its program may have two names."""
    told = ((program, _REDIS.search(_said(program))) for program in REDIS if program.exists())
    return {said[0]: Installed("redis", said[2], str(program), said[1].lower()) for program, said in told
            if said is not None and said[2] in datastores.manifest("redis").versions}.values()


def _mariadb() -> str:
    number = _NUMBER.search(_said(MARIADB))
    if number is None:
        raise HostFailed(f"{MARIADB} does not tell its version.", "Install Debian's package mariadb-server-core again.")
    return number[1]


def _said(program: Path) -> str:
    return subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=30, check=False).stdout


def _known(engine: str, version: str) -> str:
    known = datastores.manifest(engine).versions
    if version not in known:
        raise HostFailed(f"This machine has {engine} {version}, which Trove does not know.",
                         f"Install one of: {', '.join(known)}.")
    return version
