"""The server's programs: where they are, and the job that makes a data directory all at once or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed

_PLACES = ("sbin", "bin", "libexec", "scripts")
_SERVER, _INSTALLER = "mariadbd", "mariadb-install-db"

_INITIALISE = """\
set -eu
umask 027
new=$1 final=$2 temporary=$3; shift 3
[ ! -d "$final" ] || exit 0
rm -rf -- "$new"
mkdir -p -- "$new" "$temporary"
"$@" --datadir="$new" 2>&1
sync -f -- "$new"
mv -T -- "$new" "$final"
"""
"""What is made aside gets its name when it is whole and on the disk, so a kill at any point leaves nothing or all."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths. ``base`` is the directory that the server calls basedir."""

    base: Path
    server: Path
    installer: Path


def find(prefix: str) -> Programs:
    """Looks below ``prefix`` (a root of its own, or an unpacked archive; empty: the system). Raises HostFailed."""
    for base in (Path(prefix or "/") / "usr", Path(prefix or "/")):
        server, installer = _program(base, _SERVER), _program(base, _INSTALLER)
        if server and installer:
            return Programs(base, server, installer)
    raise HostFailed(f"MariaDB's {_SERVER} and {_INSTALLER} are not below {prefix or '/usr'}.",
                     "Install MariaDB's server there (on Debian: mariadb-server-core).")


def server_command(programs: Programs, config: Path) -> tuple[str, ...]:
    return (str(programs.server), f"--defaults-file={config}", f"--basedir={programs.base}")


def initialise_command(programs: Programs, config: Path, admin: str, final: Path, temporary: Path) -> tuple[str, ...]:
    """A job for the engine's user: makes ``final`` and the directory ``temporary``, unless ``final`` is there.

    The superuser accounts it makes are ``root`` and ``admin`` at localhost, each for the operating system account of
    that name over the Unix socket alone; no anonymous account, no test database.
    """
    new = final.with_name(f"{final.name}.new")
    return (
        "/bin/sh", "-c", _INITIALISE, "initialise", str(new), str(final), str(temporary),
        str(programs.installer), f"--defaults-file={config}", f"--basedir={programs.base}",
        "--auth-root-authentication-method=socket", f"--auth-root-socket-user={admin}",
        "--skip-test-db", "--skip-name-resolve",
    )  # fmt: skip


def _program(base: Path, name: str) -> Path | None:
    found = (base / place / name for place in _PLACES)
    return next((path for path in found if os.access(path, os.X_OK)), None)
