"""Registered hosts: machines that carry instances, as the operator named them and as they were seen last."""

import enum
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from common.errors import HostFailed

from .events import EventKind


class HostState(enum.Enum):
    """``LOST``: its operator says that the machine is gone for good, with all that stood there."""

    ACTIVE = "active"
    DRAINING = "draining"
    LOST = "lost"


class Facts(Struct, frozen=True, kw_only=True):
    """What a look at a host told. ``memory_mb`` is all of its memory; ``disk_gb`` what its instances' volumes may have
    together: the room that is free and the room that they take already.

    ``engines``: versions by the name of the engine. ``binaries``: the versions at directories that datastore versions
    name, by directory; those that it has not are not there. ``busy_ports``: TCP ports on which somebody listened, an
    instance perhaps. ``clock_skew``: its clock less ours, in seconds. ``boot_id`` is another one after each start.
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
    boot_id: str = ""
    binaries: Mapping[str, str] = {}


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


def gone(name: str) -> HostFailed:
    """What whoever asks something of a lost host is told."""
    return HostFailed(f"The host {name} is lost for good, as its operator said.",
                      "Delete the instances that stood there. If it is there after all: "
                      f"trovectl host activate {name}.")


def news(before: Host, facts: Facts | None, problem: str) -> tuple[EventKind, str] | None:
    """What a look at a host has to tell those whose instances stand there: that it fell ill, or that it is back.

    What is wrong with it is its operator's to know; ``facts`` None when the look failed with ``problem``.
    """
    name = before.name
    if problem:
        return None if before.problem else (
            EventKind.HOST_LOST, f"The host {name} cannot be reached or lacks something; the server may well run.")
    if before.problem:
        return EventKind.HOST_BACK, f"The host {name} is well again."
    if before.facts is not None and facts is not None and before.facts.boot_id != facts.boot_id:
        return EventKind.HOST_BACK, f"The host {name} was started anew."
    return None
