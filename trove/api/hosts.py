"""Registered hosts as REST needs them; ``trove.standalone.hosts.HostDesk`` is one."""

from dataclasses import dataclass
from typing import Protocol

from trove.domain.hosts import Host, HostState
from trove.domain.spots import Load


@dataclass(frozen=True, slots=True)
class Manned:
    """A host, and what stands there."""

    host: Host
    loads: tuple[Load, ...]


class HostDesk(Protocol):
    """Errors are those of ``common.errors``; NotFound for a host that there is not."""

    def offered_key(self, address: str, port: int) -> str:
        """``TYPE BASE64``, as the machine shows it; nobody vouches for it yet. Raises Unreachable."""

    def all(self) -> tuple[Manned, ...]: ...

    def get(self, name: str) -> Manned: ...

    def add(self, host: Host) -> Manned:
        """Registers it and looks at it, for some time. Without a ``listen_address`` it gets what its address means.

        Raises Conflict, and Invalid for an address that stands for nothing.
        """

    def check(self, name: str) -> Manned:
        """Looks at it now; what is wrong is in its ``problem``. Raises DeadlinePassed for a look that takes long,
        Conflict for one that is lost."""

    def set_state(self, name: str, state: HostState) -> Manned:
        """Raises Conflict for what is lost and is to be drained."""

    def lose(self, name: str) -> Manned:
        """The machine is gone for good: nothing there is asked or heard any more. It goes with its last instance."""

    def remove(self, name: str) -> None:
        """Raises Conflict while instances stand there."""
