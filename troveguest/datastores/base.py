"""What an engine must be: one small required protocol, and one per capability.

An engine runs the database through ``Host`` (processes under a supervisor, files, the volume) and never decides when:
the loop and the handlers do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from common.contract import types as t
from common.secret import Secret

from ..host.base import Host


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine is given: where it lives, where it listens, how large it may be, and the host beneath it."""

    host: Host
    version: str
    address: str
    port: int
    memory_mb: int
    data_dir: Path
    config_dir: Path
    run_dir: Path
    database_log: Path
    """What the server says on its standard streams; kept short by its supervisor."""
    binaries: str
    admin: str
    """The operating system account of the agent, which the engine trusts over its local socket."""


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the server. ``started_at`` is seconds since 1970, None when it is down."""

    status: t.ServiceStatus
    sentence: str
    started_at: float | None = None


def rewritten(name: str) -> t.Drift:
    """What is said of a file that an engine's ``configure`` put right."""
    return t.Drift(repaired=True, sentence=f"{name} was changed behind our back and has been put right. A server that"
                                           " was started meanwhile keeps what it read: restart it to be sure.")


class Engine(Protocol):
    """Required of every engine. Every method may be asked again after it failed half-way."""

    name: str

    def is_initialised(self) -> bool:
        """Whether the data directory holds a whole, initialised server."""

    def initialise(self, order: t.Prepare) -> None:
        """Makes data directory and configuration; raises EngineFailed or NoSpace. Leaves the server down."""

    def configure(self) -> tuple[str, ...]:
        """Writes the configuration files that we own, and the command that the supervisor runs.

        The names of those that had been changed since this engine wrote the same.
        """

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        """Looks whether what we own is as we made it, on the disk and, where it is ``serving``, in the server: repairs
        what can be repaired without touching the server's process, and says what cannot. What the tenant owns is left
        alone. Raises TroveError or OSError when it cannot look.
        """

    def start(self, timeout: float) -> None:
        """Starts the server and returns when it accepts connections; raises EngineFailed with the log's last words."""

    def stop(self, timeout: float) -> None:
        """Stops the server and returns when it is down; nothing to do when it is."""

    def health(self) -> Health:
        """Never raises and never takes longer than two seconds."""

    def close(self) -> None:
        """Lets go of connections; the server goes on."""


@runtime_checkable
class Databases(Protocol):
    """Capability ``databases``."""

    def list_databases(self, page: t.PageRequest) -> t.DatabasePage: ...
    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None: ...
    def delete_database(self, name: str) -> None: ...


@runtime_checkable
class Users(Protocol):
    """Capability ``users``."""

    def list_users(self, page: t.PageRequest) -> t.UserPage: ...
    def get_user(self, user: t.UserRef) -> t.User: ...
    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None: ...
    def delete_user(self, user: t.UserRef) -> None: ...
    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None: ...


@runtime_checkable
class Access(Protocol):
    """Capability ``access``."""

    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None: ...
    def revoke_access(self, user: t.UserRef, database: str) -> None: ...


@runtime_checkable
class Root(Protocol):
    """Capability ``root``."""

    def enable_root(self, password: Secret | None) -> t.RootCredential: ...
    def disable_root(self) -> None: ...
    def is_root_enabled(self) -> bool: ...


CAPABILITIES: dict[str, type] = {"databases": Databases, "users": Users, "access": Access, "root": Root}


def implemented(engine: object) -> frozenset[str]:
    """The capabilities whose protocols ``engine`` has."""
    return frozenset(name for name, protocol in CAPABILITIES.items() if isinstance(engine, protocol))
