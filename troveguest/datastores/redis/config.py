"""The server's configuration as text, sized from the flavor's memory. What comes later in it wins: first our defaults,
then the tenant's overrides, then what is ours alone.
"""

import re
from collections.abc import Mapping

from common.errors import Invalid

from ..base import EngineContext

_LONGEST_SOCKET = 107
"""Bytes in the path of a Unix socket (unix(7): sun_path is 108 with its NUL)."""
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_OTHERS = frozenset({"include", "loadmodule", "rename-command", "replicaof", "requirepass", "slaveof", "user"})
_FAMILIES = ("cluster-", "enable-", "log-", "master", "oom-score-", "primary", "rdma-", "replica-announce-",
             "slave-announce-", "syslog-", "tls-", "unixsocket")
"""What an instance is made of besides ``own``, and lines that are no parameters: no tenant's."""

DEFAULTS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-use-rdb-preamble": "yes",  # its base is an RDB image: small, and fast to read
    "save": "",  # a second image of the same data would double what the volume must hold
    "always-show-logo": "no",
    "crash-memcheck-enabled": "no",  # minutes in which a server that died is not started again
}


class Layout:
    """Where the files of one server are. ``data`` lies on the volume."""

    def __init__(self, context: EngineContext) -> None:
        """Raises Invalid when the socket's path is too long for the operating system."""
        self.data = context.data_dir / "server"
        self.users = self.data / "users.acl"
        self.config = context.config_dir / "redis.conf"
        self.overrides = context.config_dir / "overrides.conf"
        self.kept = context.config_dir / "overrides.json"
        self.own_users = context.config_dir / "own.acl"
        self.key = context.config_dir / "key"
        self.log = context.database_log
        self.socket = context.run_dir / "redis.sock"
        self.bare_socket = context.run_dir / "bare.sock"
        """Of a server that only tells what it has without a configuration."""
        if len(str(self.socket).encode()) > _LONGEST_SOCKET:
            raise Invalid(f"The path {self.socket} is longer than the {_LONGEST_SOCKET} bytes that a Unix socket may"
                          " have.", "Use a shorter directory for instances.")


def sized(memory_mb: int) -> dict[str, str]:
    """The settings that follow from the flavor's memory (MB).

    Half of it, less what the server and its agent take themselves: while the server writes an image of its data, the
    process that does that shares its memory with it, and each page that clients change meanwhile is there twice.
    """
    return {
        "maxmemory": str(max(16, (memory_mb - 64) // 2) << 20),
        "maxmemory-clients": "10%",
        "maxclients": str(max(256, min(memory_mb * 4, 10000))),
    }


def ours(memory_mb: int) -> dict[str, str]:
    """What the tenant may set otherwise."""
    return DEFAULTS | sized(memory_mb)


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def is_owned(name: str) -> bool:
    return name in _OWN or name in _OTHERS or name.startswith(_FAMILIES)


def live(context: EngineContext) -> dict[str, str]:
    """What is ours alone and can be changed while the server runs."""
    return {
        "bind": context.address,
        "port": str(context.port),
        "protected-mode": "yes",  # an open default user is one on this machine alone
        "shutdown-on-sigterm": "force",  # also when an image cannot be written
    }


_SHUT = {
    "dbfilename": "dump.rdb",
    "appenddirname": "appendonlydir",
    "appendfilename": "appendonly.aof",
    "unixsocketperm": "777",  # what may pass the directory is decided by the directory
    "logfile": "",  # to its standard streams, whose log is kept short
    "syslog-enabled": "no",
    "daemonize": "no",
    "supervised": "no",
    "pidfile": "",
    "cluster-enabled": "no",
    "enable-protected-configs": "no",
    "enable-debug-command": "no",
    "enable-module-command": "no",
}
"""Ours alone from start to end. By the last three a superuser could write files where he likes, or load programs."""
_OWN = frozenset({*_SHUT, "aclfile", "bind", "dir", "port", "protected-mode", "shutdown-on-sigterm", "unixsocket"})


def own(context: EngineContext) -> dict[str, str]:
    """What is ours alone."""
    place = Layout(context)
    paths = {"aclfile": str(place.users), "dir": str(place.data), "unixsocket": str(place.socket)}
    return _SHUT | live(context) | paths


def text(context: EngineContext) -> str:
    """The whole configuration file."""
    first = settings_text(ours(context.memory_mb) | {"include": str(Layout(context).overrides)})
    return f"# Written by trove-guestagent, and again at each of its starts.\n{first}{settings_text(own(context))}"


def bare_text(place: Layout) -> str:
    """Of a server that nobody reaches but over a socket of its own, and that writes nothing."""
    return settings_text({"port": "0", "unixsocket": str(place.bare_socket), "unixsocketperm": "777", "save": ""})


def overrides_text(values: Mapping[str, str]) -> str:
    """Raises Invalid for a value that could be read as something else; names have been looked at."""
    for name, value in values.items():
        if not value.isprintable():
            raise Invalid(f"The value of the configuration parameter {name} holds an unprintable character.")
    return settings_text(values)


def settings_text(values: Mapping[str, str]) -> str:
    return "".join(f"{name} {_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    """Between double quotes, where the backslash and the double quote are special."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
