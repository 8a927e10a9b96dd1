"""The bus without a broker, in one process, for tests: events, the guests' topology, and guests that answer.

What a broker and its guests would keep over a death of the control plane is kept in a directory.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from common.contract import types as t
from common.contract.version import CONTRACT_VERSION
from common.errors import Unreachable, from_code
from common.secret import Secret

from .events import matches

Report = Callable[[str, str, object], None]
"""Takes the instance's id, the name of a method of ``contract.Conductor``, and its argument."""


class FakeBus:
    """A connection that is there, or is not."""

    def __init__(self) -> None:
        self.connected = True

    def require(self) -> None:
        """Raises Unreachable while there is none."""
        if not self.connected:
            raise Unreachable("There is no connection to the broker.")


class FakeEvents:
    """Every subscriber hears at once, in the publisher's thread."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[str, Callable[[str, dict[str, Any]], None]]] = []
        self.published: list[str] = []

    def publish(self, key: str, **ids: object) -> None:
        self.published.append(key)
        for pattern, callback in tuple(self._subscribers):
            if matches(pattern, key):
                callback(key, dict(ids))

    def subscribe(self, pattern: str, callback: Callable[[str, dict[str, Any]], None]) -> None:
        self._subscribers.append((pattern, callback))


class FakeTopology:
    """Which guests have a way on the bus, as files that hold the epochs of their logins. ``on_cut`` is told of guests
    that lose a login, with the epoch of the one that they have left."""

    def __init__(self, root: Path, bus: FakeBus, on_cut: Callable[[str, int], None] = lambda *_: None) -> None:
        self._on_cut = on_cut
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._bus = bus

    def prepare(self) -> None:
        self._bus.require()

    def lacking(self, instance_ids: Iterable[str]) -> frozenset[str]:
        self._bus.require()
        return frozenset(each for each in instance_ids if not self.exists(each))

    def create(self, instance_id: str, logins: Mapping[int, Secret]) -> None:
        self._bus.require()
        self._write(instance_id, sorted({*self.logins(instance_id), *logins}))

    def close_former(self, instance_id: str, epoch: int) -> None:
        self._bus.require()
        if any(other != epoch for other in self.logins(instance_id)):
            self._write(instance_id, [epoch])
            self._on_cut(instance_id, epoch)

    def logins(self, instance_id: str) -> list[int]:
        """Epochs."""
        try:
            found: list[int] = json.loads((self._root / instance_id).read_text())
        except FileNotFoundError:
            return []
        return found

    def shut_out(self, instance_ids: Collection[str]) -> None:
        for instance_id in instance_ids:
            self.delete(instance_id)

    def delete(self, instance_id: str) -> None:
        self._bus.require()
        (self._root / instance_id).unlink(missing_ok=True)

    def exists(self, instance_id: str) -> bool:
        return (self._root / instance_id).exists()

    def _write(self, instance_id: str, epochs: list[int]) -> None:
        """Who looks meanwhile sees the former ones or these."""
        written = self._root / f"{instance_id}.new"
        written.write_text(json.dumps(epochs))
        written.replace(self._root / instance_id)


class FakeGuests:
    """Agents with a journal each: an operation is done once, and answered again when it is asked again.

    ``fails``: failures by method name. ``mute``: guests that take nothing and say nothing. ``slow``: methods that are
    taken and not ended before ``finish``. ``older``: releases whose agents speak contract 1.1. ``settings`` is what
    every server has.
    """

    def __init__(self, root: Path, report: Report, bus: FakeBus) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._report = report
        self._bus = bus
        self._lock = threading.Lock()
        self.fails: dict[str, t.Failure] = {}
        self.mute: set[str] = set()
        self.slow: set[str] = set()
        self.older: set[str] = set()
        self.settings: dict[str, str] = {}

    def of(self, instance_id: str) -> "FakeGuest":
        return FakeGuest(self, instance_id)

    def forget(self, instance_id: str) -> None:
        for kept in self._root.glob(f"{instance_id}.*"):
            kept.unlink(missing_ok=True)

    def say_hello(self, instance_id: str, release: str = "") -> None:
        """What an agent does at every start."""
        if instance_id in self.mute:
            return
        agent = t.AgentInfo(
            instance_id=instance_id,
            agent_version="0.1",
            contract_version="1.1" if release in self.older else CONTRACT_VERSION,
            datastore="fake",
            datastore_version="1",
            capabilities=("databases", "users", "configuration"),
            incarnation="first",
            release="" if release in self.older else release,
        )
        self._report(instance_id, "hello", t.Hello(stamp=self._stamp(instance_id, 1), agent=agent))

    def cut(self, instance_id: str, epoch: int) -> None:
        """An agent whose login is gone takes up the other one, and the keys that go with it."""
        if instance_id not in self.mute:
            (self._root / f"{instance_id}.epoch").write_text(str(epoch))
            self.say_hello(instance_id)

    def operate(self, instance_id: str, method: str, operation_id: str) -> t.Ticket:
        """Raises Unreachable for a mute guest."""
        self._bus.require()
        if instance_id in self.mute:
            raise Unreachable("The guest does not answer.")
        with self._lock:
            journal = self.journal(instance_id)
            state = journal.setdefault(operation_id, "running" if method in self.slow else self._outcome(method))
            self._keep(instance_id, journal)
        if state != "running":
            self._end(instance_id, method, operation_id, state)
        failure = self.fails.get(method) if state == "failed" else None
        return t.Ticket(operation_id=operation_id, state=t.OperationState(state), failure=failure)

    def finish(self, instance_id: str, method: str, operation_id: str) -> None:
        """Ends an operation that was taken and was slow."""
        self._end(instance_id, method, operation_id, self._outcome(method))

    def call(self, instance_id: str, method: str, given: object) -> None:
        """Done at once, and kept for ``given``. Raises Unreachable for a mute guest, and the failure of the method."""
        self._bus.require()
        if instance_id in self.mute:
            raise Unreachable("The guest does not answer.")
        if (failure := self.fails.get(method)) is not None:
            raise from_code(failure.code, failure.message, failure.hint)
        with self._lock:
            (self._root / f"{instance_id}.{method}").write_text(json.dumps(given))

    def given(self, instance_id: str, method: str) -> Any:
        """What the last call of the method that was done took; None when there was none."""
        path = self._root / f"{instance_id}.{method}"
        return json.loads(path.read_text()) if path.exists() else None

    def journal(self, instance_id: str) -> dict[str, str]:
        """State by operation id."""
        path = self._journal(instance_id)
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _keep(self, instance_id: str, journal: dict[str, str]) -> None:
        """In one piece: others read it at any moment, and whoever writes may be killed in the middle."""
        new = self._root / f"{instance_id}.new"
        new.write_text(json.dumps(journal))
        new.replace(self._journal(instance_id))

    def _outcome(self, method: str) -> str:
        return "failed" if method in self.fails else "done"

    def _end(self, instance_id: str, method: str, operation_id: str, state: str) -> None:
        failure = self.fails.get(method) if state == "failed" else None
        self._report(
            instance_id,
            "result",
            t.Result(stamp=self._stamp(instance_id, 2), operation_id=operation_id, state=t.OperationState(state),
                     failure=failure),
        )

    def _journal(self, instance_id: str) -> Path:
        return self._root / f"{instance_id}.json"

    def _stamp(self, instance_id: str, sequence: int) -> t.Stamp:
        kept = self._root / f"{instance_id}.epoch"
        epoch = int(kept.read_text()) if kept.exists() else 1
        return t.Stamp(key_epoch=epoch, boot_count=1, sequence=sequence)


class FakeGuest:
    """A proxy as ``GuestClient.of`` gives it, for what flows ask."""

    def __init__(self, guests: FakeGuests, instance_id: str) -> None:
        self._guests = guests
        self._instance_id = instance_id

    def rpc_ping(self, *, deadline: float) -> None:
        self._guests.call(self._instance_id, "rpc_ping", {})

    def prepare(self, *, operation_id: str, deadline: float, patience: float, order: t.Prepare) -> t.Ticket:
        return self._guests.operate(self._instance_id, "prepare", operation_id)

    def restart(self, *, operation_id: str, deadline: float, patience: float) -> t.Ticket:
        return self._guests.operate(self._instance_id, "restart", operation_id)

    def stop_db(self, *, operation_id: str, deadline: float, patience: float) -> t.Ticket:
        return self._guests.operate(self._instance_id, "stop_db", operation_id)

    def update_overrides(self, *, deadline: float, overrides: dict[str, str], live: tuple[str, ...],
                         repair: bool) -> None:
        self._guests.call(self._instance_id, "update_overrides", {"overrides": overrides, "live": live,
                                                                  "repair": repair})

    def get_settings(self, *, deadline: float, names: tuple[str, ...]) -> dict[str, str]:
        self._guests.call(self._instance_id, "get_settings", names)
        return {name: value for name, value in self._guests.settings.items() if name in names}

    def upgrade(self, *, operation_id: str, deadline: float, patience: float, release: str, total: str) -> t.Ticket:
        ticket = self._guests.operate(self._instance_id, "upgrade", operation_id)
        if ticket.state is t.OperationState.DONE:
            self._guests.say_hello(self._instance_id, total)
        return ticket
