"""What an engine must be: one small required protocol, and per capability the methods that the contract has for it.

An engine runs the database through ``Host`` (processes under a supervisor, files, the volume) and never decides when:
the loop and the handlers do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest

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


def implemented(engine: object) -> frozenset[str]:
    """The capabilities of which ``engine`` has every method that the contract has for them, under the same names."""
    orders = [order for order in methods(Guest).values() if order.capability]
    lacking = {order.capability for order in orders if not hasattr(engine, order.name)}
    return frozenset(order.capability for order in orders) - lacking
