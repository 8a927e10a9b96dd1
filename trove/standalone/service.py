"""Standalone: API, task manager, conductor and provider in one process, with a broker of its own beside it.

Run by ``trovectl up`` as ``python -m trove.standalone --state DIR``. It ends on SIGTERM and leaves broker,
agents and databases running: the next one finds them again, whatever this one died of.
"""

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from oslo_config import cfg

from common.errors import Conflict, HostFailed, TroveError
from common.openstack import log
from trove import config
from trove.api import app, calls, policy, server, settings
from trove.api.rates import MGMT_POST
from trove.bus.bell import Bell
from trove.db import catalog
from trove.db.commands import Commands
from trove.db.store import Store
from trove.domain.creation import Rules
from trove.metrics.figures import Figures
from trove.providers.ssh.checking import Checker

from . import brokers, engines, logfile, measures, places, ports, processes, remains, tls, upkeep, ways
from .foundation import Bound, Foundation, nudger
from .hosts import HostDesk, HostKeeper
from .releases import ReleaseKeeper
from .state import ENDING, Control, State, build

LOG = log.get(__name__)

EXECUTOR = "standalone"
PORTS_TRIED = 100

Tell = Callable[[str], None]


class Standalone:
    """Everything that runs, in the order in which it was started; ``close`` ends it in the opposite order."""

    def __init__(self, state: State, conf: cfg.ConfigOpts, tell: Tell) -> None:
        self._state = state
        self._conf = conf
        self._tell = tell
        self._running = contextlib.ExitStack()
        self._figures = Figures()
        self._bell = Bell()
        self.shown: tls.Shown | None = None
        self.ended = threading.Event()

    def start(self, wanted_port: int | None) -> str:
        """Starts all of it; the API's endpoint. Raises TroveError; what was started before is to be closed."""
        server.check_host(self._conf.bind_host, self._conf.auth_strategy, tls=bool(self._conf.tls_certificate))
        foundation = Foundation(self._state, self._conf, self._figures, self._running)
        self.shown = tls.ensure(self._conf, self._state)
        self._tell("Opens the store.")
        store = foundation.open_store(self._state.alone)
        _offer_engines(store)
        self._tell("Starts the message broker.")
        broker = brokers.find(self._conf, self._state)
        broker.start()
        self._running.callback(broker.close)
        bound = foundation.join_bus(store, broker)
        if not bound.bus.connected:
            self._tell("The broker is away; it is waited for.")
        foundation.start_bell(store, bound, self._bell)
        reports = foundation.start_conductor(store, bound)
        self._tell("Takes up what was under way.")
        transport = foundation.transport()
        services = foundation.services(store, bound, transport)
        manager = foundation.start_manager(services, EXECUTOR, self.ended.set)
        place_keeper, way_keeper = upkeep.PlaceKeeper(services), ways.WayKeeper(store, bound.topology)
        remains_keeper = remains.RemainsKeeper(store, services.provider)

        def on_state() -> None:
            way_keeper.wake()
            remains_keeper.wake()

        desk = HostDesk(store, Checker(transport), on_back=place_keeper.host_is_back, on_state=on_state)
        transport.on_answer = desk.heard
        bound.events.subscribe("instance.*.heartbeat", lambda _key, ids: desk.heard_from(ids["instance_id"]))
        for keeper in (place_keeper, remains_keeper, way_keeper, HostKeeper(desk),
                       ReleaseKeeper(store, self._state.root, places.present(self._conf))):
            keeper.start()
            self._running.callback(keeper.stop)
        bound.bus.on_connect(way_keeper.wake)
        measures.gather(self._figures, store, bound.bus, bound.guests, reports, manager)
        self._tell("Opens the API.")
        commands = Commands(store, rules(self._conf), nudger(store, bound, manager))
        return self._start_api(commands, bound, desk, wanted_port)

    def close(self) -> None:
        self._running.close()

    def _start_api(self, commands: Commands, bound: Bound, desk: HostDesk, wanted_port: int | None) -> str:
        told = dataclasses.replace(api_settings(self._conf), operator=self._state.operator_token())
        rules = policy.Rules(self._conf, str(self._state.root))
        application = app.create_app(commands, bound.guests, desk, told, rules, figures=self._figures,
                                     bell=self._bell, conf=self._conf)
        port = self._free_port(wanted_port or self._state.last_port() or self._conf.bind_port)
        listening = server.Server(application, self._conf.bind_host, port, auth_strategy=self._conf.auth_strategy,
                                  tls=self.shown.files if self.shown else None, threads=self._conf.api_threads)
        listening.start()
        self._running.callback(listening.stop)
        renewal = tls.Renewal(self._conf, self._state, listening.show)
        renewal.start()
        self._running.callback(renewal.stop)
        self._running.callback(self._bell.close)
        scheme = "https" if self.shown else "http"
        return f"{scheme}://{self._conf.bind_host}:{listening.port}"

    def _free_port(self, first: int) -> int:
        """``first``, or the next one that nobody listens on. Raises HostFailed."""
        last = min(first + PORTS_TRIED, 65536)
        found = next((port for port in range(first, last) if ports.is_free(port, self._conf.bind_host)), None)
        if found is None:
            raise HostFailed(f"The ports from {first} to {last - 1} are all taken.", "Name another one with --port.")
        if found != first:
            self._tell(f"Port {first} is taken by another program; the API listens on port {found}.")
        return found


def _offer_engines(store: Store) -> None:
    found = engines.installed()
    if not found:
        LOG.warning("This machine has no database engine: instances need a host that has one, or mariadb-server-core, "
                    "postgresql or redis-server here.")
    with store.write() as connection:
        catalog.seed(connection, {})
        for each in found:
            name = each.datastore or each.engine
            catalog.seed(connection, {name: each.version}, {name: each.engine}, each.binaries)


def serve(state: State, port: int | None, tell: Tell, serving: Callable[[], None] = lambda: None) -> None:
    """Runs until SIGTERM or SIGINT. Raises TroveError when it cannot start, Conflict when it runs already."""
    conf = config.load([state.configuration])
    log.setup(debug=conf.log_level == "debug", as_json=conf.log_format == "json")
    logging.getLogger().addHandler(
        logfile.Rotation(state.log, conf.max_logfile_size_mb * 1024 * 1024, conf.max_logfile_count))
    with state.held():
        running = Standalone(state, conf, tell)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: running.ended.set())
        try:
            endpoint = running.start(port)
            serves = own_control(endpoint, running.shown, conf.auth_strategy)
            state.announce(serves)
            LOG.info("The control plane serves.", endpoint=endpoint)
            serving()
            running.ended.wait()
            state.announce(msgspec.structs.replace(serves, build=ENDING))
        finally:
            running.close()
        LOG.info("The control plane ends.")


def own_control(endpoint: str, shown: tls.Shown | None = None, asks: str = "noauth") -> Control:
    own = processes.of(os.getpid())
    if own is None:
        raise Conflict("This process is ending.", "Start another one.")
    return Control(pid=own.pid, started=own.started, endpoint=endpoint, build=build(),
                   certificate=str(shown.files.certificate) if shown else "",
                   cacert=str(shown.cacert) if shown and shown.cacert else "", asks=asks)


def rules(conf: cfg.ConfigOpts) -> Rules:
    return Rules(default_datastore=conf.default_datastore, max_volume_gb=conf.max_accepted_volume_size,
                 volumes=conf.trove_volume_support, max_instances=conf.max_instances_per_tenant,
                 max_ram=conf.max_ram_per_tenant, max_volumes=conf.max_volumes_per_tenant,
                 max_backups=conf.max_backups_per_tenant)


def api_settings(conf: cfg.ConfigOpts) -> settings.Settings:
    rates = {"GET": conf.http_get_rate, "POST": conf.http_post_rate, "PUT": conf.http_put_rate,
             "DELETE": conf.http_delete_rate, MGMT_POST: conf.http_mgmt_post_rate}
    return settings.Settings(
        auth_strategy=conf.auth_strategy, admin_roles=tuple(conf.admin_roles),
        trusted_proxies=tuple(conf.trusted_proxies), region=conf.region,
        public_endpoint=conf.public_endpoint,
        instances_page_size=conf.instances_page_size, configurations_page_size=conf.configurations_page_size,
        databases_page_size=conf.databases_page_size,
        users_page_size=conf.users_page_size, operations_page_size=conf.operations_page_size,
        events_page_size=conf.events_page_size, rates=rates, disk_use_deadline=conf.disk_use_deadline,
        waiting_requests=conf.api_threads // 2, guest_calls=calls.most(conf.api_threads),
        agent_release=places.present(conf))


class Teller:
    """Tells the process that started us how far we are: lines of JSON on a pipe, which is closed once we serve.

    Whoever started us may be gone by then; we are not there for him alone, so nothing here fails.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def stage(self, sentence: str) -> None:
        self._tell("stage", sentence)

    def failed(self, sentence: str) -> None:
        self._tell("failed", sentence)

    def serves(self) -> None:
        self._tell("serves", "")
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _tell(self, kind: str, sentence: str) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._descriptor, json.dumps({"kind": kind, "sentence": sentence}).encode() + b"\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs Trove's control plane in one process.")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--tell", type=int, required=True)
    arguments = parser.parse_args()
    processes.leave_no_core()
    os.set_inheritable(arguments.tell, False)
    teller = Teller(arguments.tell)
    try:
        serve(State(arguments.state), arguments.port, teller.stage, teller.serves)
    except TroveError as error:
        LOG.error(f"The control plane cannot go on: {error.sentence()}")
        teller.failed(error.sentence())
        return 1
    except Exception as error:  # noqa: BLE001 - whoever waits for us must hear of a defect, too
        LOG.error("The control plane ends by a defect.", error)
        teller.failed(f"The control plane met a defect ({type(error).__name__}: {error}). The trace is in its log.")
        return 1
    return 0
