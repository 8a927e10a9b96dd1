"""The server's programs: where they are, and the job that makes a data directory all at once or not at all."""

import os
from pathlib import Path
from typing import NamedTuple

from common.errors import HostFailed

from . import Dialect

_PLACES = ("sbin", "bin", "libexec", "scripts")

_INITIALISE = """\
set -eu
umask 027
new=$1 final=$2 temporary=$3 statements=$4; shift 4
[ ! -d "$final" ] || exit 0
rm -rf -- "$new"
mkdir -p -- "$new" "$temporary"
printf %s "$statements" | "$@" --datadir="$new" 2>&1
sync -f -- "$new"
mv -T -- "$new" "$final"
"""
"""What is made aside gets its name when it is whole and on the disk, so a kill at any point leaves nothing or all."""


class Programs(NamedTuple):
    """Absolute paths. ``base`` is the directory that the server calls basedir, ``maker`` makes a data directory."""

    base: Path
    server: Path
    maker: Path


def find(dialect: Dialect, prefix: str) -> Programs:
    """Looks below ``prefix`` (a root of its own, or an unpacked archive; empty: the system). Raises HostFailed."""
    for base in (Path(prefix or "/") / "usr", Path(prefix or "/")):
        found = tuple(filter(None, (_program(base, name) for name in dialect.programs)))
        if len(found) == len(dialect.programs):
            return Programs(base, found[0], found[-1])
    title = dialect.rules.title
    raise HostFailed(f"{title}'s {' and '.join(dialect.programs)} are not below {prefix or '/usr'}.",
                     f"Install {title}'s server there (on Debian: {dialect.package}).")


def server_command(programs: Programs, config: Path) -> tuple[str, ...]:
    return (str(programs.server), f"--defaults-file={config}", f"--basedir={programs.base}")


def initialise_command(maker: tuple[str, ...], statements: str, final: Path, temporary: Path) -> tuple[str, ...]:
    """A job for the engine's user: makes ``final`` and the directory ``temporary``, unless ``final`` is there. The
    command ``maker`` makes a data directory that it is told, and reads ``statements`` from its standard input."""
    new = final.with_name(f"{final.name}.new")
    return ("/bin/sh", "-c", _INITIALISE, "initialise", str(new), str(final), str(temporary), statements, *maker)


def _program(base: Path, name: str) -> Path | None:
    found = (base / place / name for place in _PLACES)
    return next((path for path in found if os.access(path, os.X_OK)), None)
