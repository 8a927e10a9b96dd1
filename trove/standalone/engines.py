"""Which database engines this machine has, and in which versions."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from common import datastores
from common.errors import HostFailed

MARIADB = Path("/usr/sbin/mariadbd")
POSTGRESQL = Path("/usr/lib/postgresql")
"""Debian's, with a directory a version."""
_NUMBER = re.compile(r"\bVer (\d+\.\d+)")


class Installed(NamedTuple):
    """``binaries`` is the directory of the programs, empty where those of the system are meant."""

    engine: str
    version: str
    binaries: str


def installed() -> tuple[Installed, ...]:
    """Of each engine the newest first; versions as the manifests write them. Raises HostFailed for a MariaDB that is
    too new or too old to manage; of PostgreSQL, which may be there in many versions, those are passed over."""
    found = [Installed("mariadb", _known("mariadb", _mariadb()), "")] if MARIADB.exists() else []
    for version in reversed(datastores.manifest("postgresql").versions):
        if (binaries := POSTGRESQL / version / "bin").joinpath("postgres").exists():
            found.append(Installed("postgresql", version, str(binaries)))
    return tuple(found)


def _mariadb() -> str:
    done = subprocess.run([str(MARIADB), "--version"], capture_output=True, text=True, timeout=30, check=False)
    number = _NUMBER.search(done.stdout)
    if number is None:
        raise HostFailed(f"{MARIADB} does not tell its version.", "Install Debian's package mariadb-server-core again.")
    return number[1]


def _known(engine: str, version: str) -> str:
    known = datastores.manifest(engine).versions
    if version not in known:
        raise HostFailed(f"This machine has {engine} {version}, which Trove does not know.",
                         f"Install one of: {', '.join(known)}.")
    return version
