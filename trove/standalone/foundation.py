"""What every process of the control plane stands on: store, bus, conductor, task manager and provider."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from oslo_config import cfg

from common.errors import Unreachable
from common.openstack import log
from common.openstack.rpc.connection import Bus
from trove.bus.bell import Bell, Relay
from trove.bus.events import Events
from trove.bus.guests import GuestClient
from trove.bus.reports import ConductorServer
from trove.bus.topology import GuestTopology
from trove.conductor.handler import Handler
from trove.conductor.refusals import Refusals
from trove.conductor.service import Conductor
from trove.db.hosts import Register
from trove.db.migrations import Alone
from trove.db.store import Store, open_store
from trove.metrics.figures import Figures
from trove.providers.ssh.transport import Transport
from trove.taskmanager.service import NUDGE, TaskManager
from trove.taskmanager.services import Services

from . import brokers, places
from .peers import Peers
from .state import State

LOG = log.get(__name__)

BUS_PATIENCE = 60.0


@dataclass(frozen=True)
class Bound:
    """The bus and what speaks over it."""

    bus: Bus
    events: Events
    guests: GuestClient
    topology: GuestTopology
    broker: brokers.Broker


class Foundation:
    """What it starts ends with ``running``. Raises TroveError."""

    def __init__(self, state: State, conf: cfg.ConfigOpts, figures: Figures, running: contextlib.ExitStack) -> None:
        self._state = state
        self._conf = conf
        self._figures = figures
        self._running = running

    def open_store(self, alone: Alone) -> Store:
        """``alone`` is entered when the schema is to change."""
        url = self._conf.database.connection or self._state.sqlite(self._state.store)
        store = open_store(url, self._state.key, alone)
        self._running.callback(store.close)
        return store

    def join_bus(self, store: Store, broker: brokers.Broker) -> Bound:
        """A broker of ours runs; one of somebody else's may be away, and is waited for then as when it goes away later.

        Raises Unreachable for ours, and what either answers.
        """
        admin = broker.admin()
        self._running.callback(admin.close)
        topology = GuestTopology(admin)
        away = self._prepare(topology, broker)
        bus = Bus(broker.address(), "control plane")
        bound = Bound(bus, Events(bus), GuestClient(bus, Peers(store).keys), topology, broker)
        bus.start()
        self._running.callback(bus.stop)
        if not away and not bus.wait_connected(BUS_PATIENCE):
            away = Unreachable("The broker takes no connection.", f"See {self._state.log}.")
            if broker.is_ours:
                raise away
        if away:
            LOG.warning(f"The broker is away; the control plane starts and waits for it: {away.sentence()}")
        return bound

    def _prepare(self, topology: GuestTopology, broker: brokers.Broker) -> Unreachable | None:
        """What keeps it from being done; whoever makes a guest's way on the broker does it then."""
        try:
            topology.prepare()
        except Unreachable as error:
            if broker.is_ours:
                raise
            return error
        return None

    def start_bell(self, store: Store, bound: Bound, bell: Bell) -> None:
        """Whoever follows events is told of those that this process writes: here at ``bell``, and elsewhere."""
        relay = Relay(bell, bound.events)
        relay.start()
        self._running.callback(relay.stop)
        store.on_events = relay.ring

    def start_conductor(self, store: Store, bound: Bound) -> ConductorServer:
        reports = ConductorServer(bound.bus, Peers(store).keys_from, Handler(store, bound.events).handle,
                                  on_drop=Refusals(store).note)
        reports.start()
        self._running.callback(reports.stop)
        conductor = Conductor(store, bound.events, reports)
        conductor.start()
        self._running.callback(conductor.stop)
        return reports

    def transport(self) -> Transport:
        """The way to registered hosts."""
        transport = places.transport(self._conf, self._state)
        self._running.callback(transport.close)
        return transport

    def services(self, store: Store, bound: Bound, transport: Transport) -> Services:
        provider = places.find(self._conf, self._state, Register(store), transport)
        return Services(store=store, provider=provider, topology=bound.topology, guests=bound.guests,
                        events=bound.events, endpoint=bound.broker.endpoint(), bus=bound.bus, figures=self._figures)

    def start_manager(self, services: Services, name: str, on_lost: Callable[[], None]) -> TaskManager:
        url = self._conf.flows.connection or self._state.sqlite(self._state.flows)
        manager = TaskManager(services, url, name, on_lost, self._conf.operations_kept_days,
                              self._conf.events_kept_days, self._conf.audit_kept_days)
        self._running.callback(manager.stop)
        manager.start()
        return manager


def nudger(store: Store, bound: Bound, manager: TaskManager) -> Callable[[str, str | None], None]:
    """How the API wakes: over the bus where there may be several task managers, so that each has its share."""
    if store.kind == "sqlite":
        return manager.wake

    def nudge(instance_id: str, operation_id: str | None) -> None:
        if bound.bus.connected:
            bound.events.publish(NUDGE, instance_id=instance_id, operation_id=operation_id)
        else:
            manager.wake(instance_id, operation_id)

    return nudge
