"""What engines have in common that are one server process beside the agent: start, stop, health and its failures."""

import enum
import time
from pathlib import Path

from common.contract import types as t
from common.errors import Conflict, DeadlinePassed, EngineFailed, NoSpace, TroveError

from ..host import processes
from ..host.base import Host, ProcessId, Signal
from .base import EngineContext, Health
from .logs import Logs
from .room import is_full, no_space
from .serverlog import ServerLog

LOOK = 1.2
"""Seconds for a login and a question."""
KNOCK = 0.4
"""Seconds for a greeting when a question came to nothing: together less than two."""
APPEAR = 2.0
"""Seconds within which the supervisor shows the process that it was asked to start."""
BETWEEN_KNOCKS = 0.01

_NO_SOCKET = ("The server's socket was removed: clients over the network are served, the agent cannot get in."
              " Restart the instance: the server makes its socket anew.")


class Answer(enum.Enum):
    READY = "ready"
    REFUSED = "refused"
    """The server is there and turns this client away: a blocked host, or no connection free."""
    SILENT = "silent"


class Server(Logs):
    """The engine says what its server is called, how it is knocked at and asked, and how its errors look."""

    title: str
    stop_signal: Signal = "TERM"
    context: EngineContext
    socket: Path
    log: ServerLog

    def ask(self, where: Path | tuple[str, int], timeout: float) -> Answer:
        """Knocks without a login, within ``timeout`` seconds; never raises."""
        raise NotImplementedError

    def look(self) -> None:
        """Logs in and asks something, within ``LOOK`` seconds. Raises TroveError."""
        raise NotImplementedError

    def says_full(self, text: str) -> bool:
        """Whether the server's words mean that its volume is full."""
        raise NotImplementedError

    def is_initialised(self) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of connections; the server goes on."""

    @property
    def host(self) -> Host:
        return self.context.host

    def start(self, timeout: float) -> None:
        """A server that runs already is only waited for."""
        if not self.is_initialised():
            raise Conflict(f"There is no {self.title} server to start.", "Prepare it first.")
        self.start_with_settings(self._start, timeout)

    def _start(self, timeout: float) -> None:
        begin = time.monotonic()
        self.log.mark()
        self.host.start_database()
        seen: ProcessId | None = None
        while self.ask(self.socket, KNOCK) is Answer.SILENT:
            process = self.host.database().process
            waited = time.monotonic() - begin
            if process is None and (seen is not None or waited > APPEAR):
                raise self.failure(f"{self.title} ended while it was starting.")
            if waited > timeout:
                raise self._late(timeout)
            seen = process or seen
            _pause(process)

    def stop(self, timeout: float) -> None:
        self.close()
        self.host.stop_database(timeout, self.stop_signal)

    def health(self) -> Health:
        try:
            return self._look()
        except TroveError as error:
            return Health(t.ServiceStatus.UNKNOWN, error.sentence())
        except Exception as error:  # noqa: BLE001 (on bytes that are no server's, a driver raises whatever comes)
            return Health(t.ServiceStatus.UNKNOWN,
                          f"{self.title} cannot be looked at: {type(error).__name__}: {error}.")

    def tend_volume(self) -> tuple[t.Drift, ...]:
        return (t.Drift(sentence=no_space().sentence()),) if is_full(self.host.stats().free) else ()

    def failure(self, sentence: str, output: str = "") -> TroveError:
        """``output`` is what was said elsewhere than in the log."""
        said = output or self.log.last_errors()
        if is_full(self.host.stats().free) or self.says_full(said):
            return NoSpace(f"{sentence} The volume is full.", no_space().hint)
        return EngineFailed(f"{sentence} {self.log.last_words(said)}".strip(), f"The whole log is {self.log.path}.")

    def _look(self) -> Health:
        state = self.host.database()
        if state.process is None and state.wanted_up:
            return Health(t.ServiceStatus.CRASHED, f"{self.title} ended without being asked to.")
        if state.process is None:
            return Health(t.ServiceStatus.SHUTDOWN, f"{self.title} is down.")
        try:
            self.look()
        except TroveError as error:
            if not self.socket.exists() and self._serves_clients():
                return Health(t.ServiceStatus.RUNNING, _NO_SOCKET, state.started_at)
            silent = self.ask(self.socket, KNOCK) is Answer.SILENT
            status = t.ServiceStatus.BLOCKED if silent else t.ServiceStatus.RUNNING
            return Health(status, error.sentence(), state.started_at)
        return Health(t.ServiceStatus.HEALTHY, f"{self.title} answers.", state.started_at)

    def _serves_clients(self) -> bool:
        return self.ask((self.context.address, self.context.port), KNOCK) is Answer.READY

    def _late(self, timeout: float) -> DeadlinePassed:
        sentence = f"{self.title} did not accept connections within {timeout:.0f} seconds. "
        return DeadlinePassed((sentence + self.log.last_words(self.log.since_mark())).strip(),
                              "It may still be recovering; look again later.")


def _pause(process: ProcessId | None) -> None:
    """Until the next knock; a process that ends is noticed at once. No event tells that a socket begins to listen."""
    if process is None:
        time.sleep(BETWEEN_KNOCKS)
    else:
        processes.wait_end(process, BETWEEN_KNOCKS)
