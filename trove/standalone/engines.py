"""Which database engines this machine has, and in which version."""

import re
import subprocess
from pathlib import Path

from common import datastores
from common.errors import HostFailed

MARIADB = Path("/usr/sbin/mariadbd")
_NUMBER = re.compile(r"\bVer (\d+\.\d+)")


def installed() -> dict[str, str]:
    """Version by engine, as its manifest writes it. Raises HostFailed for an engine too new or too old to manage."""
    found: dict[str, str] = {}
    if MARIADB.exists():
        found["mariadb"] = _known("mariadb", _mariadb())
    return found


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
