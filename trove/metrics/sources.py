"""What is read when somebody asks for the metrics: the store, with one statement a table, and counters of the bus."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from common.contract.types import ServiceStatus
from trove.db import census, spots
from trove.db import hosts as register
from trove.db.store import Store
from trove.domain import placement, states
from trove.domain.hosts import Host, HostState
from trove.domain.spots import Load
from trove.domain.states import Task

from . import declared
from .figures import Sample, Source

MIB = 1 << 20

_REPORTING = frozenset({Task.NONE, Task.RESTARTING, Task.RESTART_FAILED})
"""Tasks of instances whose agent is there; a creation's may not be yet, a deletion's may be gone."""


def store(opened: Store, clock: Callable[[], float]) -> Source:
    """Four statements, however many rows there are. ``clock`` gives seconds since 1970."""
    def look() -> Iterator[Sample]:
        now = clock()
        with opened.read() as connection:
            instances = census.instances(connection, now - states.HEARTBEAT_EXPIRY)
            operations = census.operations(connection, now)
            hosts = register.all_of(connection)
            loads = spots.loads(connection) if hosts else ()
        yield from _instances(instances)
        yield from _heartbeats(instances, now)
        for group in operations:
            yield declared.OPERATIONS_UNDER_WAY, (group.kind, group.step or "none"), group.count
        yield declared.OPERATIONS_LATE, (), sum(group.late for group in operations)
        yield from _hosts(hosts, loads)

    return look


def reasons(metric: declared.Metric, counted: Mapping[str, int]) -> Source:
    """A counter by reason, which other threads go on counting in."""
    return lambda: [(metric, (reason,), count) for reason, count in dict(counted).items()]


def value(metric: declared.Metric, look: Callable[[], float]) -> Source:
    return lambda: [(metric, (), look())]


def build(name: str, contract: str) -> Source:
    return lambda: [(declared.BUILD, (name, contract), 1)]


def _instances(groups: tuple[census.Instances, ...]) -> Iterator[Sample]:
    counts: Counter[tuple[str, str]] = Counter()
    for group in groups:
        task, age = Task(group.task), None
        if group.oldest is not None:
            age = 0.0 if group.fresh else states.HEARTBEAT_EXPIRY + 1
        operating = states.operating_status(task, ServiceStatus(group.observed), age)
        counts[states.status(task), operating or "none"] += group.count
    for labels, count in counts.items():
        yield declared.INSTANCES, labels, count


def _hosts(hosts: tuple[Host, ...], loads: tuple[Load, ...]) -> Iterator[Sample]:
    counts = Counter("ill" if host.problem and host.state is not HostState.LOST else host.state.value for host in hosts)
    for state in (*(state.value for state in HostState), "ill"):
        yield declared.HOSTS, (state,), counts[state]
    for host in hosts:
        if host.facts is not None:
            free = placement.free_memory_mb(host, [load for load in loads if load.spot.host == host.name])
            yield declared.HOST_MEMORY_FREE, (host.name,), max(free, 0) * MIB


def _heartbeats(groups: tuple[census.Instances, ...], now: float) -> Iterator[Sample]:
    reporting = [group for group in groups if Task(group.task) in _REPORTING]
    ages = [now - group.oldest for group in reporting if group.oldest is not None]
    yield declared.HEARTBEAT_OLDEST, (), max(ages, default=0.0)
    yield declared.HEARTBEATS_STALE, (), sum(group.count for group in reporting if not group.fresh)
