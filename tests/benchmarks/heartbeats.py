"""Heartbeats through RabbitMQ, the conductor and a store: SQLite against PostgreSQL, and both against the need.

Each agent has an instance in the store, keys, an exchange and a bounded queue of its own, and seals what it says. What
is simulated: all of them send over one TLS connection, under the control plane's login, where real ones have one each.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common.contract.declare import Method
from common.openstack.rpc.connection import Bus
from tests.benchmarks import population
from tests.benchmarks.comparison import Result, Scale, interleaved, percentile
from tests.benchmarks.machinery import PATIENCE, Child, Machinery, address_as_json, bus, child
from tests.trove import postgresql
from trove.bus import names
from trove.bus.events import Events
from trove.bus.reports import ConductorServer
from trove.conductor.handler import Handler
from trove.db import instances
from trove.db.store import Store
from trove.standalone.peers import Peers

INTERVAL = 30.0
"""Seconds between two heartbeats of an agent whose server is idle: its default."""

NEED = Scale().agents / INTERVAL

BURSTS = 2
"""At most so many rounds: each is as many commits as there are agents, and a slow disk takes a minute for them."""


class Side:
    """A store, and the conductor that writes into it."""

    def __init__(self, store: Store, connection: Bus, agents: Child) -> None:
        self._agents = agents
        self._handler = Handler(store, Events(connection))
        self.reports = ConductorServer(connection, Peers(store).keys_from, self._handle)
        self._written: list[tuple[float, float]] = []
        self._wanted = 0
        self._all = threading.Event()

    def burst(self, count: int) -> float:
        """Heartbeats written per second when ``count`` arrive at once."""
        self._send(count, 0.0)
        return (count - 1) / (self._written[-1][0] - self._written[0][0])

    def lags(self, count: int, pause: float) -> list[float]:
        """Milliseconds from sent to written, of ``count`` that are sent ``pause`` seconds apart."""
        self._send(count, pause)
        return [lag * 1000 for _, lag in self._written]

    def _send(self, count: int, pause: float) -> None:
        self._written, self._wanted = [], count
        self._all.clear()
        assert self._agents.ask({"count": count, "pause": pause}) == count
        assert self._all.wait(PATIENCE), f"{count - len(self._written)} of {count} heartbeats are lost"

    def _handle(self, instance_id: str, method: Method, arguments: dict[str, Any]) -> None:
        self._handler.handle(instance_id, method, arguments)
        self._written.append((time.monotonic(), time.time() - arguments["heartbeat"].sent_at))
        if len(self._written) >= self._wanted:
            self._all.set()


def through_conductor(machinery: Machinery, scale: Scale) -> Result:
    home = machinery.directory()
    with contextlib.ExitStack() as running:
        maintenance = running.enter_context(postgresql.server(durable=True))
        sqlite = running.enter_context(_side(machinery, f"sqlite:///{home}/trove.sqlite", scale.agents))
        postgres = running.enter_context(_side(machinery, postgresql.new_database(maintenance), scale.agents))
        result = interleaved(min(scale.rounds, BURSTS), lambda: sqlite.burst(scale.agents),
                             lambda: postgres.burst(scale.agents))
        paced = sqlite.lags(min(scale.agents, int(scale.paced_seconds * NEED)), 1 / NEED)
        dropped = sum(sum(side.reports.dropped.values()) for side in (sqlite, postgres))
    return Result(result.ours, result.other, {
        "lag p50 ms": percentile(paced, 0.5), "lag p99 ms": percentile(paced, 0.99), "dropped": dropped})


@contextmanager
def _side(machinery: Machinery, url: str, count: int) -> Iterator[Side]:
    """A store with ``count`` instances whose agents are ready, watched by a conductor."""
    store = population.populated(url, machinery.directory() / "key", count)
    address = machinery.broker.bus_address()
    with contextlib.ExitStack() as running:
        running.callback(store.close)
        connection = running.enter_context(bus(address, "conductor"))
        with store.read() as rows:
            ids = sorted(instances.living(rows))
        connection.run(lambda channel: _declare(channel, ids), timeout=PATIENCE)
        agents = running.enter_context(child("reporting"))
        keys = Peers(store)
        told = [(instance_id, keys.keys_from(instance_id)[1].text().reveal()) for instance_id in ids]
        assert agents.ask({"address": address_as_json(address), "agents": told}) == count
        side = Side(store, connection, agents)
        side.reports.start()
        running.callback(side.reports.stop)
        for instance_id in ids:
            side.reports.watch(instance_id)
        yield side


def _declare(channel: Any, ids: list[str]) -> None:
    """What stands on the broker for reports of each instance, without logins."""
    for name in map(names.reports, ids):
        channel.exchange_declare(name, "topic", durable=True, auto_delete=False)
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=names.REPORTS_ARGUMENTS)
        channel.queue_bind(name, name, names.CONDUCTOR_KEY)
