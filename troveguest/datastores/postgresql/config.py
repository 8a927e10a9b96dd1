"""The server's configuration as text, sized from the flavor's memory, and who may come in from where.

What is ours alone stands on the server's command line: neither the tenant's settings nor ``ALTER SYSTEM`` move it.
"""

import re
from collections.abc import Mapping

from common.errors import Invalid

from ..base import EngineContext
from ..logs import Source
from .programs import ROLE

_LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket (unix(7): sun_path is 108 with its NUL)."""
_OVERRIDE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,62}")

DEFAULTS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",  # errors are found in the log by their words
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "password_encryption": "scram-sha-256",
    "jit": "off",  # its code costs each of many small sessions more than their queries
}

_SLOW = "log_min_duration_statement"
"""Milliseconds that a statement takes that is logged."""

_OWNED = frozenset({
    "archive_cleanup_command", "archive_command", "archive_library", "cluster_name", "config_file", "data_directory",
    "dynamic_library_path", "dynamic_shared_memory_type", "event_source", "extension_control_path", "external_pid_file",
    "hba_file", "ident_file", "jit_provider", "krb_server_keyfile", "lc_messages", "listen_addresses",
    "local_preload_libraries", "log_destination", "log_directory", "log_filename", "logging_collector",
    "oauth_validator_libraries", "port", "primary_conninfo", "promote_trigger_file", "recovery_end_command",
    "restart_after_crash", "restore_command", "session_preload_libraries", "shared_preload_libraries", "ssl",
    "stats_temp_directory", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions"})
"""What an instance is made of, and what would run programs or load libraries in it, or read files: no tenant's, nor is
what begins with ``ssl_``."""

HBA = f"""\
# Written by trove-guestagent. The first line that fits decides; what none fits is refused.
local all {ROLE} peer map=agent
host  all {ROLE} all reject
host  all all all scram-sha-256
"""


class Layout:
    """Where the files of one server are. ``data`` lies on the volume."""

    def __init__(self, context: EngineContext) -> None:
        """Raises Invalid when the socket's path is too long for the operating system."""
        self.data = context.data_dir / "server"
        self.config = context.config_dir / "postgresql.conf"
        self.overrides = context.config_dir / "overrides.conf"
        self.kept = context.config_dir / "overrides.json"
        self.hba = context.config_dir / "pg_hba.conf"
        self.ident = context.config_dir / "pg_ident.conf"
        self.log = context.database_log
        self.socket = context.run_dir / f".s.PGSQL.{context.port}"
        if len(str(self.socket).encode()) > _LONGEST_SOCKET:
            raise Invalid(f"The path {self.socket} is longer than the {_LONGEST_SOCKET} bytes that a Unix socket may"
                          " have.", "Use a shorter directory for instances.")


def sized(memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """The settings that follow from the flavor's memory (MB) and the volume (bytes).

    A quarter of the memory is the server's own cache, since the operating system's caches the same pages again; a
    session takes about 10 MB with its working memory. Write-ahead log: at most a tenth of the volume.
    """
    connections = _between(25, memory_mb // 10, 1000)
    wal = _between(64, volume_bytes // 2**20 // 10, 4096)
    return {
        "shared_buffers": f"{max(16, memory_mb // 4)}MB",
        "effective_cache_size": f"{max(32, memory_mb * 3 // 5)}MB",
        "work_mem": f"{max(1024, memory_mb * 1024 // 4 // connections)}kB",
        "maintenance_work_mem": f"{_between(16, memory_mb // 16, 1024)}MB",
        "max_connections": str(connections),
        "max_wal_size": f"{wal}MB",
        "min_wal_size": f"{_between(32, wal // 4, 256)}MB",
    }


def logs(context: EngineContext) -> dict[str, Source]:
    """All of them are in what the server says on its standard streams."""
    return {"general": Source(context.database_log, {"log_statement": "all"}, {"log_statement": "none"}),
            "slow_query": Source(context.database_log, {_SLOW: "1000"}, {_SLOW: "-1"})}


def is_switch(name: str) -> bool:
    """Of a log."""
    return name in ("log_statement", _SLOW)


def is_owned(name: str) -> bool:
    return name in _OWNED or name.startswith("ssl_") or is_switch(name)


def text(context: EngineContext, volume_bytes: int, switches: Mapping[str, str]) -> str:
    """The whole configuration file: the later wins, so the tenant's overrides stand behind our defaults, and the
    switches of the logs at its end."""
    settings = overrides_text({**DEFAULTS, **sized(context.memory_mb, volume_bytes)})
    return f"# Written by trove-guestagent, and again at each of its starts.\n{settings}" \
           f"include '{Layout(context).overrides}'\n{overrides_text(switches)}"


def ident_text(admin: str) -> str:
    """The operating system's account ``admin``, and no other, is the server's first superuser."""
    return f'# Written by trove-guestagent.\nagent "{admin}" {ROLE}\n'


def own(context: EngineContext) -> dict[str, str]:
    """What is ours alone."""
    place = Layout(context)
    return {
        "config_file": str(place.config),
        "hba_file": str(place.hba),
        "ident_file": str(place.ident),
        "external_pid_file": "",
        "listen_addresses": context.address,
        "port": str(context.port),
        "unix_socket_directories": str(context.run_dir),
        "unix_socket_permissions": "0777",  # what may pass the directory is decided by the directory
        "logging_collector": "off",  # to its standard streams, whose log is kept short
        "log_destination": "stderr",
        "dynamic_shared_memory_type": "mmap",  # on the volume, with which it goes
    }


def overrides_text(values: Mapping[str, str]) -> str:
    """Raises Invalid for a name or value that could be read as something else."""
    lines = []
    for name, value in values.items():
        if not _OVERRIDE_NAME.fullmatch(name) or name.lower().startswith("include"):
            raise Invalid(f"The configuration parameter {name!r} is no name of one.")
        if not value.isprintable():
            raise Invalid(f"The value of the configuration parameter {name} holds an unprintable character.")
        lines.append(f"{name} = '{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}'\n")
    return "".join(lines)


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
