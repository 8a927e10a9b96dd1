"""The server's program, Redis' or Valkey's; the job that makes a data directory, and how the server is started."""

import os
from pathlib import Path

from common.errors import HostFailed

from .client import AGENT
from .config import Layout

_SERVERS = ("redis-server", "valkey-server")
_PLACES = ("", "usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin")

_INITIALISE = """\
set -eu
umask 027
new=$1 final=$2 own=$3
[ ! -d "$final" ] || exit 0
rm -rf -- "$new"
mkdir -- "$new" 2>&1
cat -- "$own" >"$new/users.acl"
sync -f -- "$new"
mv -T -- "$new" "$final"
"""
"""What is made aside gets its name when it is whole and on the disk, so a kill at any point leaves nothing or all."""

_START = f"""\
set -eu
umask 027
own=$1 users=$2; shift 2
ours='^user (default|{AGENT}) ' usual='s/ sanitize-payload//'
if [ "$(grep -E "$ours" "$users" | sed "$usual")" != "$(sed "$usual" "$own")" ]; then
    {{ cat "$own"; grep -Ev "$ours" "$users" || [ $? = 1 ]; }} >"$users.new"
    sync "$users.new"
    mv "$users.new" "$users"
fi
exec "$@"
"""
"""The server's own users are what they are to be whenever it starts, and the tenant's as they were saved last."""


def find(prefix: str) -> Path:
    """The server's program: ``prefix`` itself, in or below that directory (empty: the system's). Raises HostFailed."""
    top = Path(prefix or "/")
    if top.is_file():
        return top
    found = (top / place / name for place in _PLACES for name in _SERVERS)
    program = next((path for path in found if os.access(path, os.X_OK)), None)
    if program is None:
        raise HostFailed(f"Neither {' nor '.join(_SERVERS)} is in or below {prefix or '/usr'}.",
                         "Install one there (on Debian: redis-server).")
    return program


def server_command(program: Path, layout: Layout) -> tuple[str, ...]:
    return ("/bin/sh", "-c", _START, "start", str(layout.own_users), str(layout.users), str(program),
            str(layout.config))


def initialise_command(layout: Layout) -> tuple[str, ...]:
    """A job for the engine's user: makes the data directory, unless it is there."""
    new = layout.data.with_name(f"{layout.data.name}.new")
    return ("/bin/sh", "-c", _INITIALISE, "initialise", str(new), str(layout.data), str(layout.own_users))
