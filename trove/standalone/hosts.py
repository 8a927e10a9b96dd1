"""Registered hosts: the register, looks at the machines themselves, and looks from time to time."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from common.errors import Invalid, NotFound, TroveError
from common.openstack import log
from trove.api.hosts import Manned
from trove.db import hosts, spots
from trove.db.store import Store
from trove.domain.hosts import Facts, Host, HostState

LOG = log.get(__name__)

CHECK_EVERY = 60.0
"""Seconds between two looks at a host."""

AT_ONCE = 8
"""Hosts that are looked at side by side."""


class Machines(Protocol):
    """``trove.providers.ssh``: the hosts themselves."""

    def offered_key(self, address: str, port: int) -> str:
        """``TYPE BASE64``. Raises Unreachable."""

    def look(self, host: Host) -> Facts:
        """Raises Unreachable, Refused, HostFailed, DeadlinePassed: each says what is wrong with the host."""


class HostDesk:
    """``trove.api.hosts.HostDesk``."""

    def __init__(self, store: Store, machines: Machines) -> None:
        self._store = store
        self._machines = machines

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
        return self.check(host.name)

    def check(self, name: str) -> Manned:
        host = self.get(name).host
        facts, problem = None, ""
        try:
            facts = self._machines.look(host)
        except TroveError as error:
            problem = error.sentence()
        with self._store.write() as connection:
            hosts.note_check(connection, name, facts, problem)
        if problem != host.problem:
            LOG.info(f"The host {name} is well." if not problem else f"The host {name} is not well: {problem}")
        return self.get(name)

    def set_state(self, name: str, state: HostState) -> Manned:
        with self._store.write() as connection:
            hosts.set_state(connection, name, state)
        return self.get(name)

    def remove(self, name: str) -> None:
        with self._store.write() as connection:
            hosts.remove(connection, name)


def _resolved(address: str) -> str:
    try:
        return str(socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Invalid(f"{address} stands for no address: {error.strerror}.",
                      "Name the IP address, or with listen_address the one where database servers listen.") from None


class HostKeeper:
    """Looks at every host each minute, on threads of its own: one that hangs holds up no other."""

    def __init__(self, desk: HostDesk) -> None:
        self._desk = desk
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="host-keeper", daemon=True)
        self._looks = ThreadPoolExecutor(AT_ONCE, "host-look")

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 30.0) -> None:
        self._stopping.set()
        self._looks.shutdown(wait=False, cancel_futures=True)
        self._thread.join(patience)

    def turn(self) -> None:
        """One look at each; returns when all have been looked at."""
        names = [manned.host.name for manned in self._desk.all()]
        list(self._looks.map(self._check, names))

    def _check(self, name: str) -> None:
        try:
            self._desk.check(name)
        except NotFound:
            LOG.debug("A host was forgotten while it was looked at.", host=name)
        except TroveError as error:
            LOG.warning(f"The look at a host could not be noted: {error.sentence()}", host=name)

    def _work(self) -> None:
        while not self._stopping.wait(CHECK_EVERY):
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 (the next look may find a store that works again)
                if not self._stopping.is_set():
                    LOG.error("A look at the hosts met a defect; there will be another.", error)
