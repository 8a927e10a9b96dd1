"""One service of runit, seen and steered through the files of its ``supervise`` directory (runsv(8))."""

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed

from . import processes
from .base import ProcessId

_TAI_EPOCH = 2**62 + 10
"""1970 as a TAI64 label, less the 10 leap seconds that runit counts."""
_LOOK_AGAIN = 0.005
"""runsv announces a change of state by no event but the renaming of its status file."""

_DOWN, _RUN = 0, 1


@dataclass(frozen=True, slots=True)
class Status:
    """What runsv says: ``since`` is when this state began, in seconds since 1970."""

    since: float
    pid: int
    state: int

    @property
    def is_down(self) -> bool:
        return self.state == _DOWN and self.pid == 0


@dataclass(frozen=True, slots=True)
class Supervised:
    """A service below ``runsvdir``; ``directory`` is its ``supervise`` directory."""

    directory: Path

    def status(self) -> Status | None:
        """None where no supervisor ever was."""
        try:
            raw = (self.directory / "status").read_bytes()
        except FileNotFoundError:
            return None
        seconds, nanoseconds = struct.unpack(">QI", raw[:12])
        return Status(seconds - _TAI_EPOCH + nanoseconds / 1e9, int.from_bytes(raw[12:16], "little"), raw[19])

    def process(self) -> ProcessId | None:
        """The service's own process while it runs and is supervised: the status file outlives a killed runsv."""
        status = self.status()
        if status is None or status.state != _RUN or not status.pid or not self.is_supervised():
            return None
        return processes.identify(status.pid)

    def is_supervised(self) -> bool:
        """Whether a runsv listens."""
        try:
            os.close(os.open(self.directory / "control", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:  # no pipe, or nobody at its other end
            return False
        return True

    def tell(self, letters: bytes) -> None:
        """Sends control letters of runsv(8). Raises HostFailed when no supervisor listens."""
        try:
            pipe = os.open(self.directory / "control", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise HostFailed(f"The supervisor of {self.directory.parent.name} does not listen: {error.strerror}.",
                             "Place the instance again.") from error
        try:
            os.write(pipe, letters)
        finally:
            os.close(pipe)

    def start_once(self, timeout: float) -> None:
        """Starts what is down, and asks runsv not to start it again. Raises HostFailed when runsv does not."""
        before = self.await_down(timeout)
        self.tell(b"o")
        if not _until(lambda: self.status() != before, timeout):
            raise HostFailed(f"The supervisor did not start {self.directory.parent.name} within {timeout:.0f} s.",
                             "Look at the processes of the host.")

    def await_down(self, timeout: float) -> Status | None:
        """The status, once runsv knows that the service is down. Raises HostFailed."""
        if not _until(lambda: (status := self.status()) is None or status.is_down, timeout):
            raise HostFailed(f"The supervisor still holds {self.directory.parent.name} for up after {timeout:.0f} s.",
                             "Look at the processes of the host.")
        return self.status()


def _until(look: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN)
    return True
