"""The resident agent: its parts, wired together, from the first line of its log to a clean end."""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from common.contract import CONTRACT_VERSION
from common.contract import types as t
from common.contract.declare import Method
from common.crypto import Key, random_id
from common.errors import Invalid
from common.openstack import log
from common.openstack.rpc.connection import Bus, BusAddress
from common.openstack.rpc.sealing import KeyPair

from . import __version__, config, datastores, dispatch
from .bus.client import ConductorClient
from .bus.keys import Keys
from .bus.server import GuestServer
from .datastores.base import implemented
from .handlers import capabilities
from .handlers.agent import Agent
from .handlers.lifecycle import Lifecycle
from .handlers.upgrade import Upgrade
from .host.base import Host
from .host.layout import Layout
from .journal import Journal
from .loop import Backoff, Loop
from .operations import Job, Operations
from .periodic import Periodic
from .reports import Observation, Reports

LOG = log.get(__name__)

GRACE = 5.0
"""Seconds that the work under way is given when the agent is told to end; the next life takes up the rest."""

_HAND_OVER = signal.SIGUSR1
"""What the agent sends itself when another release is to take its place."""

_TELLING_CALLS = ("enable_root", "disable_root", "update_overrides")


class Service:
    """One life of the agent. ``start`` returns at once, ``stop`` when all has ended; the server goes on."""

    def __init__(self, options: config.Options, again: Callable[[], config.Options]) -> None:
        """``again`` reads the options as they are at that moment.

        Raises Invalid, Conflict, HostFailed or Internal: an agent with a gap does not start.
        """
        own = options.default
        layout = Layout(Path(own.home))
        self._keys = Keys(_keys(options.keys))
        self._again = again
        self._journal = Journal(layout.state)
        self._host = _host(own.host, layout)
        self._engine = datastores.configured(own, self._host)
        able = implemented(self._engine)
        agent = _info(own, able)
        upgrade = Upgrade(layout, agent.release, self._hand_over)
        handlers = dispatch.gather((
            Agent(agent, self._host).handlers(),
            Lifecycle(self._engine, self._host, self._journal).handlers(), upgrade.handlers(),
            capabilities.handlers(self._engine, able)))
        known = dispatch.checked(handlers)

        self._bus = Bus(_address(options.bus), f"trove-guestagent {own.instance_id}")
        self._bus.on_refused = self._renew
        conductor = ConductorClient(self._bus, own.instance_id, self._keys)
        self._reports = Reports(conductor, agent, self._journal, options.keys.epoch, self._seen,
                                upgrade.note_reported)
        self._operations = Operations(self._journal, known, handlers, self._progressed, self._operation_changed)
        backoff = Backoff(own.restart_pause, own.restart_pause_max)
        self._loop = Loop(self._engine, self._host, self._journal, self._operations, backoff, own.recovery_timeout,
                          own.report_interval, self._observation_changed)
        answer = dispatch.Dispatch(handlers, self._operations, able, self._called)
        self._server = GuestServer(self._bus, own.instance_id, self._keys, agent.incarnation, answer)

        self._turns = Periodic("loop")
        self._turn = self._turns.every(own.observe_interval, "the loop", self._loop.turn)
        self._telling = Periodic("reporting")
        self._delivery = self._telling.every(own.report_interval, "delivery", self._reports.deliver)
        self._heartbeat = self._telling.every(own.report_interval, "the heartbeat", self._reports.heartbeat)

    def start(self) -> None:
        self._bus.on_connect(lambda channel: self._catch_up())
        self._operations.start()
        self._bus.start()
        self._server.start()
        self._telling.start()
        self._turns.start()

    def stop(self) -> None:
        """Orders first, so that none is taken that nobody carries out."""
        self._server.stop(GRACE)
        self._turns.stop(GRACE)
        if not self._operations.stop(GRACE):
            LOG.info("The operation under way is left to the next life of the agent.")
        self._telling.stop(GRACE)
        self._bus.stop(GRACE)
        self._engine.close()
        self._journal.close()

    def _renew(self) -> None:
        """The broker does not take our login any more: our files may have another one, and other keys."""
        options = self._again()
        if options.keys.epoch != self._keys.now.epoch:
            self._keys.renew(_keys(options.keys))
            self._reports.renew(options.keys.epoch)
            self._bus.address = _address(options.bus)
            LOG.info("The agent has other keys and another login.", epoch=options.keys.epoch)

    def _hand_over(self) -> None:
        os.kill(os.getpid(), _HAND_OVER)

    def _catch_up(self) -> None:
        """What was dropped while the bus was down is known again at once."""
        self._delivery.wake()
        self._heartbeat.wake()

    def _seen(self) -> Observation | None:
        return self._loop.seen

    def _progressed(self, job: Job, percent: float | None) -> None:
        self._reports.progress(job.operation_id, job.sentence, percent)

    def _operation_changed(self) -> None:
        self._turn.wake()
        self._delivery.wake()

    def _observation_changed(self) -> None:
        self._heartbeat.wake()

    def _called(self, method: Method) -> None:
        if method.name in _TELLING_CALLS:
            self._loop.forget_facts()
            self._turn.wake()


def run(options: config.Options, unknown: list[str], again: Callable[[], config.Options]) -> None:
    """Serves until SIGTERM or SIGINT. A thread that dies of a defect ends the process with 70 (EX_SOFTWARE)."""
    log.setup(debug=options.default.debug, as_json=options.default.use_json)
    for sentence in unknown:
        LOG.warning(sentence)
    ends = {signal.SIGTERM, signal.SIGINT, _HAND_OVER}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # every thread inherits it: only sigwait below takes them
    defects: list[str] = []
    threading.excepthook = lambda args: _die(args, defects)
    service = Service(options, again)
    service.start()
    number = signal.sigwait(ends)
    if defects:
        LOG.error("The agent ends because one of its threads did.", threads=", ".join(defects))
        os._exit(os.EX_SOFTWARE)
    LOG.info("The agent ends.", signal=signal.Signals(number).name)
    service.stop()
    if number == _HAND_OVER:
        layout = Layout(Path(options.default.home))
        os.execv(layout.starter, [str(layout.starter), str(layout.links), *sys.argv[1:]])  # noqa: S606


def _die(args: threading.ExceptHookArgs, defects: list[str]) -> None:
    """Half an agent is worse than none: the supervisor starts a whole one."""
    name = args.thread.name if args.thread is not None else "unknown"
    LOG.error(f"A defect ended the thread {name}.", args.exc_value)
    defects.append(name)
    os.kill(os.getpid(), signal.SIGTERM)


def _host(name: str, layout: Layout) -> Host:
    """Imports only the one that is configured."""
    if name == "fake":
        from .host.fake import FakeHost

        return FakeHost()
    from .host.runit import RunitHost

    return RunitHost(layout.home)


def _info(own: config.Default, able: frozenset[str]) -> t.AgentInfo:
    return t.AgentInfo(
        instance_id=own.instance_id, agent_version=__version__, contract_version=CONTRACT_VERSION,
        datastore=own.datastore, datastore_version=own.datastore_version, capabilities=tuple(sorted(able)),
        incarnation=random_id(), release=_release())


def _release() -> str:
    """The hash of the release that this runs from, which is the name of its directory; empty outside of one."""
    name = Path(__file__).resolve().parents[2].name
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""


def _address(bus: config.Bus) -> BusAddress:
    return BusAddress(host=bus.host, port=bus.port, username=bus.username, password=bus.password,
                      virtual_host=bus.virtual_host, ca_file=bus.ca_file, server_name=bus.server_name)


def _keys(keys: config.Keys) -> KeyPair:
    """Raises Invalid, which does not show them."""
    try:
        return KeyPair(to_guest=Key.from_text(keys.to_guest), from_guest=Key.from_text(keys.from_guest),
                       epoch=keys.epoch)
    except ValueError as error:
        raise Invalid(f"Section [keys]: {error}.", "Place the instance again: that writes them.") from None


