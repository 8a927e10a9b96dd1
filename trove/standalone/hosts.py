"""Registered hosts: the register, looks at the machines themselves, and looks from time to time."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from common import datastores
from common.errors import Conflict, DeadlinePassed, Invalid, NotFound, TroveError
from common.openstack import log
from trove.api.hosts import Manned
from trove.db import catalog, hosts, spots, versions
from trove.db.store import Store
from trove.domain.hosts import Facts, Host, HostState, gone

from .looks import Looks

LOG = log.get(__name__)

CHECK_EVERY = 60.0
"""Seconds between two looks at a host."""

BREATH = 5.0
"""Seconds after a look that found a host ill in which an answer of it is no reason for another one."""

PATIENCE = 20.0
"""Seconds for which a request waits for a look: it has one of the API's few threads."""


class Machines(Protocol):
    """``trove.providers.ssh``: the hosts themselves."""

    def offered_key(self, address: str, port: int) -> str:
        """``TYPE BASE64``. Raises Unreachable."""

    def look(self, host: Host, binaries: Sequence[tuple[str, str]] = ()) -> Facts:
        """``binaries``: engines and directories that it is asked for, too.

        Raises Unreachable, Refused, HostFailed, DeadlinePassed: each says what is wrong with the host."""


class HostDesk:
    """``trove.api.hosts.HostDesk``. ``on_back`` is told the name of a host that is well again or was started anew;
    ``on_state`` that there is another one, or one in another state: what is there of deleted instances may be removed,
    and its guests have logins or not."""

    def __init__(self, store: Store, machines: Machines, on_back: Callable[[str], None] = lambda name: None,
                 on_state: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._machines = machines
        self._on_back = on_back
        self._on_state = on_state
        self._looks = Looks(self._look)
        self._ill: Mapping[str, _Illness] = {}
        self._noting = threading.Lock()

    def offered_key(self, address: str, port: int) -> str:
        return self._machines.offered_key(address, port)

    def all(self) -> tuple[Manned, ...]:
        with self._store.read() as connection:
            loads = spots.loads(connection)
            return tuple(Manned(host, tuple(load for load in loads if load.spot.host == host.name))
                         for host in hosts.all_of(connection))

    def get(self, name: str) -> Manned:
        with self._store.read() as connection:
            loads = tuple(load for load in spots.loads(connection) if load.spot.host == name)
            return Manned(hosts.get(connection, name), loads)

    def add(self, host: Host) -> Manned:
        if not host.listen_address:
            host = msgspec.structs.replace(host, listen_address=_resolved(host.address))
        with self._store.write() as connection:
            hosts.add(connection, host)
        with contextlib.suppress(TimeoutError):
            self.look(host.name).result(PATIENCE)
        self._on_state()
        return self.get(host.name)

    def check(self, name: str) -> Manned:
        if self.get(name).host.state is HostState.LOST:
            raise Conflict(gone(name).message, gone(name).hint)
        try:
            self.look(name).result(PATIENCE)
        except TimeoutError:
            raise DeadlinePassed(f"The look at the host {name} takes longer than {PATIENCE:.0f} seconds and goes on.",
                                 f"See what it found: trovectl host show {name}.") from None
        return self.get(name)

    def look(self, name: str) -> Future[None]:
        """The look at a host that is under way, or one that begins. It raises NotFound."""
        return self._looks.at(name)

    def heard(self, name: str) -> None:
        """A host has answered to somebody: was it ill, it is looked at at once. Does not wait."""
        ill = self._ill.get(name)
        if ill is not None and time.monotonic() - ill.seen >= BREATH:
            self.look(name).add_done_callback(_complain)

    def heard_from(self, instance_id: str) -> None:
        """The same for the host where this instance stands."""
        for name, ill in self._ill.items():
            if instance_id in ill.standing:
                self.heard(name)

    def set_state(self, name: str, state: HostState) -> Manned:
        with self._store.write() as connection:
            hosts.set_state(connection, name, state)
        self._on_state()
        return self.get(name)

    def lose(self, name: str) -> Manned:
        with self._store.write() as connection:
            hosts.lose(connection, name)
        self._on_state()
        return self.get(name)

    def remove(self, name: str) -> None:
        with self._store.write() as connection:
            hosts.remove(connection, name)

    def _look(self, name: str) -> None:
        host, facts, problem = self.get(name).host, None, ""
        if host.state is HostState.LOST:
            return
        try:
            with self._store.read() as connection:
                elsewhere = versions.elsewhere(connection)
            facts = self._machines.look(host, elsewhere)
        except TroveError as error:
            problem = error.sentence()
        with self._store.write() as connection:
            spots.take_turn(connection)
            is_back = hosts.note_check(connection, name, facts, problem)
            standing = hosts.standing(connection, name)
            if facts is not None:
                _offer(connection, facts)
        self._note(name, _Illness(time.monotonic(), frozenset(standing)) if problem else None)
        if problem != host.problem:
            LOG.info(f"The host {name} is well." if not problem else f"The host {name} is not well: {problem}")
        if is_back:
            self._on_back(name)

    def _note(self, name: str, illness: "_Illness | None") -> None:
        """Readers on other threads have the former map or the new one."""
        with self._noting:
            others = {each: ill for each, ill in self._ill.items() if each != name}
            self._ill = others if illness is None else others | {name: illness}


@dataclass(frozen=True, slots=True)
class _Illness:
    """``seen``: when, by ``time.monotonic``. ``standing``: the ids of the instances there."""

    seen: float
    standing: frozenset[str]


def _offer(connection: Connection, facts: Facts) -> None:
    """What a host has may be asked for, whatever the control plane's own machine has."""
    for engine, found in facts.engines.items():
        for version in set(found) & set(datastores.manifest(engine).versions):
            catalog.seed(connection, {engine: version})


def _resolved(address: str) -> str:
    try:
        return str(socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Invalid(f"{address} stands for no address: {error.strerror}.",
                      "Name the IP address, or with listen_address the one where database servers listen.") from None


class HostKeeper:
    """Looks at every host at once, and then each minute."""

    def __init__(self, desk: HostDesk) -> None:
        self._desk = desk
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="host-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 30.0) -> None:
        """Looks that are under way are not waited for."""
        self._stopping.set()
        self._thread.join(patience)

    def turn(self) -> None:
        """One look at each; none begins at a host where the last one has not ended."""
        for manned in self._desk.all():
            self._desk.look(manned.host.name).add_done_callback(_complain)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 (the next look may find a store that works again)
                LOG.error("A look at the hosts met a defect; there will be another.", error)
            self._stopping.wait(CHECK_EVERY)


def _complain(look: Future[None]) -> None:
    error = look.exception()
    if isinstance(error, Exception) and not isinstance(error, NotFound):  # forgotten while it was looked at
        LOG.error("What a look at a host found could not be noted; there will be another.", error)
