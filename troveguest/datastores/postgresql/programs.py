"""The server's programs: where they are, the job that makes a data directory, and the one that lets the agent in again.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed

ROLE = "postgres"
"""The first superuser, which nobody can drop: the agent's alone. ``pg_hba.conf`` lets it in by peer, nowhere else."""

_SERVER, _INSTALLER = "postgres", "initdb"

_INITIALISE = """\
set -eu
umask 027
server=$1 new=$2 final=$3 statements=$4; shift 4
[ ! -d "$final" ] || exit 0
rm -rf -- "$new"
"$@" --pgdata="$new" 2>&1
printf '%s' "$statements" | "$server" --single -D "$new" -c fsync=off -c shared_buffers=1MB template1 2>&1 >/dev/null
rm -- "$new/postgresql.conf" "$new/pg_hba.conf" "$new/pg_ident.conf"
sync -f -- "$new"
mv -T -- "$new" "$final"
"""
"""What is made aside gets its name when it is whole and on the disk, so a kill at any point leaves nothing or all."""

_CLOSED = ("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC",)
"""A user has access to what he was given; the server's own databases are nobody's."""

_REGAIN = 'printf \'%s\' "$1" | { shift; "$@"; } 2>&1'
_GIVEN_BACK = (
    "UPDATE pg_authid SET rolname = rolname || '_' || oid WHERE rolname = 'postgres' AND oid <> 10",
    "UPDATE pg_authid SET rolname = 'postgres', rolsuper = true, rolinherit = true, rolcreaterole = true, rolcreatedb ="
    " true, rolcanlogin = true, rolreplication = true, rolbypassrls = true, rolconnlimit = -1, rolvaliduntil = NULL"
    " WHERE oid = 10",
    "DELETE FROM pg_db_role_setting WHERE setrole = 10",
    "CREATE DATABASE postgres TEMPLATE template0",
    "ALTER DATABASE postgres ALLOW_CONNECTIONS true",
    *_CLOSED,
)
"""One statement a line, as a server without clients takes them; one that fails hinders no other. 10 is the first
superuser's id in every server (pg_authid.dat)."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths."""

    server: Path
    installer: Path


def find(directory: str, version: str) -> Programs:
    """In ``directory``, in its ``bin``, or, where it is empty, where Debian puts them. Raises HostFailed."""
    given = Path(directory or f"/usr/lib/postgresql/{version}/bin")
    for place in (given, given / "bin"):
        if all(os.access(place / name, os.X_OK) for name in (_SERVER, _INSTALLER)):
            return Programs(place / _SERVER, place / _INSTALLER)
    raise HostFailed(f"PostgreSQL's {_SERVER} and {_INSTALLER} are not in {given}.",
                     f"Install PostgreSQL {version} there (on Debian: postgresql-{version}).")


def server_command(programs: Programs, data: Path, settings: Mapping[str, str]) -> tuple[str, ...]:
    return (str(programs.server), "-D", str(data), *_options(settings))


def initialise_command(programs: Programs, version: str, final: Path) -> tuple[str, ...]:
    """A job for the engine's user: makes ``final``, unless it is there.

    Texts sort by code point, which no new version of a library changes beneath an index. Passwords are of SCRAM, and
    there is no way in without one but the agent's.
    """
    new = final.with_name(f"{final.name}.new")
    provider = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if int(version) >= 17 else ()
    return (
        "/bin/sh", "-c", _INITIALISE, "initialise", str(programs.server), str(new), str(final), _lines(_CLOSED),
        str(programs.installer), f"--username={ROLE}", "--auth-local=peer", "--auth-host=scram-sha-256",
        "--encoding=UTF8", "--locale=C.UTF-8", "--lc-messages=C", *provider, "--data-checksums", "--no-sync",
    )  # fmt: skip


def regain_command(programs: Programs, data: Path, config: Path) -> tuple[str, ...]:
    """A job for the engine's user, for a server that is down: makes the first superuser the agent's again."""
    return ("/bin/sh", "-c", _REGAIN, "regain", _lines(_GIVEN_BACK), str(programs.server), "--single", "-D", str(data),
            *_options({"config_file": str(config), "logging_collector": "off"}), "template1")


def _options(settings: Mapping[str, str]) -> Iterable[str]:
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")


def _lines(statements: Iterable[str]) -> str:
    return "".join(f"{statement};\n" for statement in statements)
