"""Which host takes a new instance: a choice from what is known, without a look at any machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import NoSpace

from .hosts import Host, HostState
from .spots import Load, Spot

RESERVE_MB = 512
"""Memory of a host that instances do not get: its system, and their agents."""

PORTS = 1000
"""How many ports are tried, from the engine's own upwards."""


@dataclass(frozen=True, slots=True)
class Need:
    """``version`` as the manifest of ``datastore`` has it, ``port`` the engine's own. The hosts in ``apart_from`` are
    the last choice, or none if ``strictly``. ``binaries`` is where the datastore version says that its programs are."""

    datastore: str
    version: str
    memory_mb: int
    volume_gb: int | None
    port: int
    apart_from: frozenset[str] = frozenset()
    strictly: bool = False
    binaries: str = ""


def choose(hosts: Sequence[Host], loads: Sequence[Load], need: Need) -> Spot:
    """A spot on the host with the largest part of its memory free, by name among equals.

    Raises NoSpace, which says of each host why it is none.
    """
    refusals, fitting = [], []
    for host in sorted(hosts, key=lambda host: host.name):
        own = [load for load in loads if load.spot.host == host.name]
        port = _port(host, loads, need.port)
        refusal = _refusal(host, own, need, port)
        if refusal:
            refusals.append(f"{host.name} {refusal}")
        else:
            spot = Spot(host.name, host.listen_address, port)
            fitting.append((host.name in need.apart_from, -_free_part(host, own), host.name, spot))
    if not fitting:
        why = "; ".join(refusals) or "none is registered"
        raise NoSpace(f"No host takes the instance: {why}.", "Add a host (trovectl host add), or make room on one.")
    *_, spot = min(fitting, key=lambda each: each[:3])
    return spot


def free_memory_mb(host: Host, loads: Sequence[Load]) -> int:
    """What instances may still have of a host that was seen; ``loads`` are those that stand there."""
    return 0 if host.facts is None else host.facts.memory_mb - RESERVE_MB - sum(load.memory_mb for load in loads)


def free_disk_gb(host: Host, loads: Sequence[Load]) -> int:
    return 0 if host.facts is None else host.facts.disk_gb - sum(load.volume_gb or 0 for load in loads)


def _refusal(host: Host, loads: Sequence[Load], need: Need, port: int) -> str:
    """Why the host, where ``loads`` stand, cannot take it; empty when it can."""
    if host.state is HostState.LOST:
        return "is lost for good"
    if host.state is HostState.DRAINING:
        return "is being drained"
    if host.facts is None or host.problem:
        return f"was not well when it was looked at last ({host.problem or 'it never was'})"
    if need.binaries and host.facts.binaries.get(need.binaries) != need.version:
        return f"does not have {need.datastore} {need.version} at {need.binaries}"
    if not need.binaries and need.version not in host.facts.engines.get(need.datastore, ()):
        return f"does not have {need.datastore} {need.version} installed"
    if need.strictly and host.name in need.apart_from:
        return "has one already that it is to be kept apart from"
    if (memory := free_memory_mb(host, loads)) < need.memory_mb:
        return f"has {max(memory, 0)} MB of memory left and not {need.memory_mb}"
    if (disk := free_disk_gb(host, loads)) < (need.volume_gb or 0):
        return f"has {max(disk, 0)} GB of disk left and not {need.volume_gb}"
    if not port:
        return f"has no free port between {need.port} and {need.port + PORTS - 1}"
    return ""


def _free_part(host: Host, loads: Sequence[Load]) -> float:
    return 0.0 if host.facts is None else free_memory_mb(host, loads) / host.facts.memory_mb


def _port(host: Host, loads: Sequence[Load], first: int) -> int:
    """The lowest that nobody has at the host's address, which another name may stand for, too; 0 when all are taken."""
    busy = set(host.facts.busy_ports if host.facts else ())
    busy |= {load.spot.port for load in loads if load.spot.address == host.listen_address}
    return next((port for port in range(first, min(first + PORTS, 65536)) if port not in busy), 0)
