"""Registered hosts: machines that carry instances, as the operator named them and as they were seen last."""

import enum
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class HostState(enum.Enum):
    ACTIVE = "active"
    DRAINING = "draining"


class Facts(Struct, frozen=True, kw_only=True):
    """What a look at a host told. ``memory_mb`` is all of its memory; ``disk_gb`` what its instances' volumes may have
    together: the room that is free and the room that they take already.

    ``engines``: versions by the name of the engine. ``busy_ports``: TCP ports on which somebody listened, an
    instance perhaps. ``clock_skew``: its clock less ours, in seconds.
    """

    memory_mb: int
    vcpus: int
    disk_gb: int
    python: str
    arch: str
    systemd: bool
    engines: Mapping[str, tuple[str, ...]]
    busy_ports: tuple[int, ...] = ()
    clock_skew: float = 0.0


class Host(Struct, frozen=True, kw_only=True):
    """``address``, ``port`` and ``user`` are for SSH; ``host_key`` (``TYPE BASE64``) is the one key that it may show.

    ``listen_address`` is where database servers listen. ``facts`` None: it was never seen; ``problem`` is why the last
    look failed, empty when it did not. Times in seconds since 1970.
    """

    name: str
    address: str
    port: int
    user: str
    host_key: str
    listen_address: str
    state: HostState
    facts: Facts | None
    problem: str
    checked_at: float | None
    created: float


class Hosts(Protocol):
    """The register, as providers are given it."""

    def all(self) -> tuple[Host, ...]:
        """By name."""

    def get(self, name: str) -> Host:
        """Raises NotFound."""
