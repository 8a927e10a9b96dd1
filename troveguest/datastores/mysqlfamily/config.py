"""The server's configuration as text, sized from the flavor's memory.

One file in the order: defaults, then the tenant's overrides, then what is ours alone: the later wins.
"""

import re
from collections.abc import Mapping

from common.errors import Invalid

from ..base import EngineContext
from ..logs import Source
from . import Dialect

_LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket (unix(7): sun_path is 108 with its NUL)."""
_OVERRIDE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")

_LOGS = frozenset({"general_log_file", "log_output", "log_slow_query_file", "slow_query_log_file"})


class Layout:
    """Where the files of one server are. ``data`` and ``temporary`` lie on the volume."""

    def __init__(self, dialect: Dialect, context: EngineContext) -> None:
        """Raises Invalid when the socket's path is too long for the operating system."""
        self.data = context.data_dir / "server"
        self.temporary = context.data_dir / "tmp"
        self.config = context.config_dir / f"{dialect.stem}.cnf"
        self.overrides = context.config_dir / "overrides.cnf"
        self.kept = context.config_dir / "overrides.json"
        self.repair = context.config_dir / "repair.sql"
        self.pid = context.run_dir / f"{dialect.stem}.pid"
        self.log = context.database_log
        self.socket = context.run_dir / f"{dialect.stem}.sock"
        if len(str(self.socket).encode()) > _LONGEST_SOCKET:
            raise Invalid(f"The path {self.socket} is longer than the {_LONGEST_SOCKET} bytes that a Unix socket may"
                          " have.", "Use a shorter directory for instances.")


def ours(dialect: Dialect, memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """What is so without the tenant."""
    return {**dialect.defaults, **dialect.sized(memory_mb, volume_bytes)}


def is_owned(dialect: Dialect, name: str) -> bool:
    begins = any(own.startswith(name) for own in dialect.owned) or is_switch(name)
    return name.startswith(dialect.families) or (name not in dialect.whole and begins)


def is_switch(name: str) -> bool:
    """Of a log."""
    return any(own.startswith(name) for own in _LOGS)


def logs(context: EngineContext) -> dict[str, Source]:
    files = {name: context.data_dir / f"{name}.log" for name in ("general", "slow_query")}
    switched = {"general": "general_log", "slow_query": "slow_query_log"}
    return {"error": Source(context.database_log), **{
        name: Source(file, {"log_output": "FILE", f"{switched[name]}_file": str(file), switched[name]: "ON"},
                     {switched[name]: "OFF"}) for name, file in files.items()}}


def text(dialect: Dialect, context: EngineContext, volume_bytes: int, switches: Mapping[str, str],
         repair: bool) -> str:
    """The whole configuration file, with the switches of the logs; with ``repair`` the server runs that file of
    statements when it starts."""
    place = Layout(dialect, context)
    own = {
        "datadir": place.data,
        "tmpdir": place.temporary,
        "socket": place.socket,
        "pid-file": place.pid,
        "bind-address": context.address,
        "port": context.port,
        "secure-file-priv": place.temporary,  # all that statements may read and write beside the tables
        "skip-name-resolve": "ON",
        **dialect.own,
        **switches,
        **({"init-file": place.repair} if repair else {}),
    }
    defaults = _section(ours(dialect, context.memory_mb, volume_bytes))
    return f"# Written by trove-guestagent, and again at each of its starts.\n{defaults}\n" \
           f"!include {place.overrides}\n\n{_section({name: str(value) for name, value in own.items()})}"


def overrides_text(values: Mapping[str, str]) -> str:
    """Raises Invalid for a name or value that could be read as something else."""
    for name, value in values.items():
        if not _OVERRIDE_NAME.fullmatch(name):
            raise Invalid(f"The configuration parameter {name!r} is no name of one.")
        if not value.isprintable() or '"' in value:
            raise Invalid(f"The value of the configuration parameter {name} holds a quote or an unprintable character.")
    return _section(values)


def _section(values: Mapping[str, str]) -> str:
    lines = (f'{name} = "{value.replace(chr(92), chr(92) * 2)}"\n' for name, value in values.items())
    return "[mysqld]\n" + "".join(lines)
