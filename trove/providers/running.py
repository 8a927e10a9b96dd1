"""A way to run a command as root: on this machine (``local``), or on another one (``ssh``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from common.contract import codec
from common.contract.types import Failure
from common.errors import Busy, Internal, Invalid, from_code

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """``code`` below 0: killed by that signal."""

    code: int
    output: bytes
    errors: bytes

    def last_words(self) -> str:
        return (self.errors or self.output).decode(errors="replace").strip()[-2000:]


class Way(Protocol):
    def run(self, command: Sequence[str], given: bytes, timeout: float) -> Ended:
        """``given`` goes to its standard input. What is begun is finished, even if the control plane is killed.

        Raises DeadlinePassed after ``timeout`` seconds, Unreachable, HostFailed for one that does not start.
        """


def ask(way: Way, command: Sequence[str], given: bytes, answer: type[T], timeout: float, what: str) -> T:
    """What a command of ours answers: JSON, or with exit code 1 the error that it met, which is raised.

    Raises Busy when somebody killed it (asked again, it finishes what was begun), Internal where it answers nothing.
    """
    ended = way.run(command, given, timeout)
    said = ended.output.strip().rpartition(b"\n")[2]  # a login shell may have had its word before
    if ended.code == 0:
        return codec.decode(said, answer)
    if ended.code < 0:
        raise Busy(f"The command {what} was killed by signal {-ended.code}.", "It is tried again.")
    try:
        failure = codec.decode(said, Failure)
    except Invalid:
        raise Internal(f"The command {what} ended with {ended.code}: {ended.last_words()}") from None
    raise from_code(failure.code, failure.message, failure.hint)
