"""The test's side of ``halting.py``: where each flow stands, and an installation whose control plane halts there."""

import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import ground
from tests.installation import Installation
from trove.cli import launch
from trove.standalone.state import State

HALTING = Path(__file__).with_name("halting.py")


@dataclass(frozen=True, order=True)
class Moment:
    """``when``: ``before`` the work of a step, ``during`` it, or ``after`` it and before that is written down."""

    kind: str
    step: str
    when: str

    def __str__(self) -> str:
        return f"{self.when} {self.step} of {self.kind}"


class Gate:
    """Every flow waits at every moment until somebody awaits a later one, or the flow's instance is free."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changed = threading.Condition()
        self._waiting: defaultdict[tuple[str, str], deque[tuple[Moment, socket.socket]]] = defaultdict(deque)
        self._held: defaultdict[str, list[socket.socket]] = defaultdict(list)
        self._free: set[str] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._listen, name="gate", daemon=True)
        self._thread.start()

    def reach(self, instance: str, moment: Moment, timeout: float = 120) -> None:
        """Lets the flow of that kind go on to the moment, and holds it there."""
        self.go(instance)
        while (here := self.next(instance, moment.kind, timeout)) != moment:
            self.go(instance)
            assert here.step != "succeed" or here.when != "after", f"the flow ended and was never {moment}"

    def next(self, instance: str, kind: str, timeout: float = 120) -> Moment:
        """Where a flow of the instance stands next; it is held there."""
        queue = self._waiting[instance, kind]
        with self._changed:
            assert self._changed.wait_for(lambda: queue, timeout), f"{kind} of {instance} does not get on"
            moment, connection = queue.popleft()
            self._held[instance].append(connection)
        return moment

    def go(self, instance: str) -> None:
        """Lets go what is held of the instance; it is held again at its next moment."""
        for connection in self._held.pop(instance, []):
            connection.close()

    def hold(self, instance: str) -> None:
        with self._changed:
            self._free.discard(instance)

    def free(self, instance: str) -> None:
        """Nothing of the instance is held from now on."""
        with self._changed:
            self._free.add(instance)
            waiting = [queue for (whose, _), queue in self._waiting.items() if whose == instance]
            for queue in waiting:
                while queue:
                    queue.popleft()[1].close()
        self.go(instance)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for instance in {whose for whose, _ in self._waiting}:
            self.free(instance)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection.makefile() as lines:
                line = lines.readline()
            if line:  # a control plane that is killed may connect and say nothing
                self._take(connection, **json.loads(line))

    def _take(self, connection: socket.socket, instance: str, kind: str, step: str, when: str) -> None:
        with self._changed:
            if instance in self._free:
                connection.close()
            else:
                self._waiting[instance, kind].append((Moment(kind, step, when), connection))
                self._changed.notify_all()


@dataclass
class HaltingInstallation(Installation):
    """Like any other, and started like any other, but for the program that its control plane is."""

    gate: Gate = field(kw_only=True)

    def up(self) -> None:
        usual = launch.command

        def command(state: State, port: int | None) -> list[str]:
            words = usual(state, port)
            program = words.index("-m")
            return [*words[:program], str(HALTING), str(self.gate.path), *words[program + 2:]]

        launch.command = command
        try:
            control = launch.start(State(self.state), self.port, print).control
        finally:
            launch.command = usual
        self._status = {"pid": control.pid, "endpoint": control.endpoint}


@contextmanager
def halting_installation(settings: str = "") -> Iterator[HaltingInstallation]:
    """``settings`` is what an operator wrote into its ``trove.conf``."""
    with ground.directory() as directory:
        (directory / "state").mkdir(mode=0o711)
        (directory / "state" / "trove.conf").write_text(settings)
        gate = Gate(directory / "gate")
        made = HaltingInstallation(directory / "state", gate=gate)
        try:
            made.up()
            yield made
        finally:
            gate.close()
            made.destroy()
