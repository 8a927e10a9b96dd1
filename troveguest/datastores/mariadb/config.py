"""The server's configuration as text, sized from the flavor's memory.

One file in the order: defaults, then the tenant's overrides, then what is ours alone: the later wins.
"""

import re
from collections.abc import Mapping

from common.errors import Invalid

from ..base import EngineContext
from ..logs import Source

_LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket (unix(7): sun_path is 108 with its NUL)."""
_OVERRIDE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")

_OWNED = frozenset({
    "allow_suspicious_udfs", "aria_log_dir_path", "basedir", "bind_address", "bootstrap", "character_sets_dir",
    "chroot", "console", "core_file", "datadir", "des_key_file", "extra_port", "ft_stopword_file", "help",
    "ignore_db_dirs", "init_file", "init_slave", "innodb_buffer_pool_filename", "innodb_data_file_path",
    "innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_temp_data_file_path", "innodb_undo_directory",
    "lc_messages_dir", "log_basename", "log_bin", "log_bin_index", "log_error", "log_isam", "log_tc",
    "lower_case_table_names", "master_info_file", "pid_file", "port", "proxy_protocol_networks",
    "relay_log", "relay_log_index", "relay_log_info_file", "secure_file_priv", "slave_load_tmpdir",
    "socket", "symbolic_links", "tmpdir", "user", "verbose", "version"})
_LOGS = frozenset({"general_log_file", "log_output", "log_slow_query_file", "slow_query_log_file"})
_FAMILIES = ("autoset", "disable", "enable", "feedback", "loose", "maximum", "plugin", "skip", "ssl", "wsrep")
_SHORTER = frozenset({"lc_messages"})
"""What an instance is made of, in the server's spelling, and prefixes of what is, or makes of another name what is: no
tenant's. The server takes a part of a name for the whole where only one begins so; the last are whole themselves."""

DEFAULTS = {
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
    "innodb-flush-log-at-trx-commit": "1",
    "max-allowed-packet": "64M",
    "performance-schema": "OFF",
}


class Layout:
    """Where the files of one server are. ``data`` and ``temporary`` lie on the volume."""

    def __init__(self, context: EngineContext) -> None:
        """Raises Invalid when the socket's path is too long for the operating system."""
        self.data = context.data_dir / "server"
        self.temporary = context.data_dir / "tmp"
        self.config = context.config_dir / "mariadb.cnf"
        self.overrides = context.config_dir / "overrides.cnf"
        self.kept = context.config_dir / "overrides.json"
        self.repair = context.config_dir / "repair.sql"
        self.pid = context.run_dir / "mariadb.pid"
        self.log = context.database_log
        self.socket = context.run_dir / "mariadb.sock"
        if len(str(self.socket).encode()) > _LONGEST_SOCKET:
            raise Invalid(f"The path {self.socket} is longer than the {_LONGEST_SOCKET} bytes that a Unix socket may"
                          " have.", "Use a shorter directory for instances.")


def sized(memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """The settings that follow from the flavor's memory (MB) and the volume (bytes).

    About 100 MB are the server's own (52 MB idle, and its threads); three fifths of the rest are InnoDB's cache. The
    redo log is a quarter of the cache, but at most 5 % of the volume.
    """
    pool = max(16, (memory_mb - 100) * 3 // 5)
    log = max(8, min(pool // 4, volume_bytes // 2**20 // 20, 1024))
    return {
        "innodb-buffer-pool-size": f"{pool}M",
        "innodb-log-file-size": f"{log}M",
        "innodb-log-buffer-size": f"{_between(2, memory_mb // 64, 16)}M",
        "aria-pagecache-buffer-size": f"{_between(4, memory_mb // 32, 128)}M",
        "key-buffer-size": f"{_between(1, memory_mb // 64, 64)}M",
        "tmp-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-heap-table-size": f"{_between(4, memory_mb // 64, 64)}M",
        "max-connections": str(_between(32, memory_mb // 5, 4000)),
    }


def ours(memory_mb: int, volume_bytes: int) -> dict[str, str]:
    """What is so without the tenant."""
    return {**DEFAULTS, **sized(memory_mb, volume_bytes)}


def is_owned(name: str) -> bool:
    begins = any(own.startswith(name) for own in _OWNED) or is_switch(name)
    return name.startswith(_FAMILIES) or (name not in _SHORTER and begins)


def is_switch(name: str) -> bool:
    """Of a log."""
    return any(own.startswith(name) for own in _LOGS)


def logs(context: EngineContext) -> dict[str, Source]:
    files = {name: context.data_dir / f"{name}.log" for name in ("general", "slow_query")}
    switched = {"general": "general_log", "slow_query": "slow_query_log"}
    return {"error": Source(context.database_log), **{
        name: Source(file, {"log_output": "FILE", f"{switched[name]}_file": str(file), switched[name]: "ON"},
                     {switched[name]: "OFF"}) for name, file in files.items()}}


def text(context: EngineContext, volume_bytes: int, switches: Mapping[str, str], repair: bool) -> str:
    """The whole configuration file, with the switches of the logs; with ``repair`` the server runs that file of
    statements when it starts."""
    place = Layout(context)
    own = {
        "datadir": place.data,
        "tmpdir": place.temporary,
        "socket": place.socket,
        "pid-file": place.pid,
        "bind-address": context.address,
        "port": context.port,
        "secure-file-priv": place.temporary,  # all that statements may read and write beside the tables
        "skip-name-resolve": "ON",
        "skip-symbolic-links": "ON",
        "skip-log-error": "1",  # to its standard streams, whose log is kept short
        **switches,
        **({"init-file": place.repair} if repair else {}),
    }
    defaults = _section(ours(context.memory_mb, volume_bytes))
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


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
