"""Commands on this machine."""

import subprocess
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from common.errors import DeadlinePassed, HostFailed

from ..running import Ended

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

Process = subprocess.Popen[bytes]


LATER = 1.0
"""Seconds until a spare is begun: the machine has better to do while what was ordered starts."""


class Here:
    """A ``Way``, with our rights, which may not be root's. In a session of its own: what is begun is finished."""

    def __init__(self, spare: str = "") -> None:
        """Of commands with this last word one is begun ahead of its order; empty: of none."""
        self._spares = Spares(spare)

    def run(self, command: Sequence[str], given: bytes, timeout: float) -> Ended:
        process = self._spares.take(command)
        try:
            output, errors = process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise DeadlinePassed(f"The command {Path(command[0]).name} took longer than {timeout:.0f} s.") from None
        return Ended(process.returncode, output, errors)


class Spares:
    """A process that has begun already and waits for its input, of the command that was taken last.

    To begin takes a command a third of its time. A spare ends without an order when its input ends: with us at the
    latest.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, ...], Process] = {}
        weakref.finalize(self, _let_go, self._waiting)

    def take(self, command: Sequence[str]) -> Process:
        """Raises HostFailed."""
        if command[-1] != self._word:
            return _begin(command)
        later = threading.Timer(LATER, self._keep, (tuple(command),))
        later.daemon = True
        later.start()
        with self._lock:
            found = self._waiting.pop(tuple(command), None)
        return found if found is not None and found.poll() is None else _begin(command)

    def _keep(self, command: tuple[str, ...]) -> None:
        with self._lock, suppress(HostFailed):  # whoever runs it next is told
            if command not in self._waiting:
                _let_go(self._waiting)
                self._waiting[command] = _begin(command)


def _begin(command: Sequence[str]) -> Process:
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=_ENVIRONMENT, cwd="/", start_new_session=True)
    except OSError as error:
        raise HostFailed(f"The command {command[0]} does not start: {error.strerror}.",
                         "It needs Python 3.11 or later as /usr/bin/python3.") from error


def _let_go(waiting: dict[tuple[str, ...], Process]) -> None:
    while waiting:
        waiting.popitem()[1].communicate()
