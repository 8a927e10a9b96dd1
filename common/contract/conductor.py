"""What a guest agent tells the control plane. Whose report it is follows from the key that opened it, nothing else."""

from typing import Protocol

from . import types as t
from .declare import cast


class Conductor(Protocol):
    @cast(confirmed=True)
    def hello(self, hello: t.Hello) -> None:
        """A new life of the agent has begun."""

    @cast()
    def heartbeat(self, heartbeat: t.Heartbeat) -> None:
        """What the agent sees now."""

    @cast()
    def progress(self, progress: t.Progress) -> None:
        """An operation has come so far."""

    @cast(confirmed=True)
    def result(self, result: t.Result) -> None:
        """An operation has ended."""
