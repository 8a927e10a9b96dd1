"""The root command of the agent's package, run from a release as a program of its own."""

import subprocess
from pathlib import Path
from typing import TypeVar

from common.contract import codec
from common.contract.types import Failure
from common.errors import Busy, DeadlinePassed, HostFailed, Internal, Invalid, from_code
from trove.releases.installing import PROGRAM

T = TypeVar("T")

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def run(directory: Path, action: str, order: object, answer: type[T], timeout: float = 180) -> T:
    """``place``, ``grow`` or ``unplace``: the order goes over a pipe, as it holds secrets.

    In a session of its own: what is begun is finished even if the control plane is killed. Raises what the command
    answers, DeadlinePassed after ``timeout`` seconds, Busy when somebody killed it (asked again, it finishes what was
    begun), HostFailed or Internal where it answers nothing.
    """
    command = [str(directory / PROGRAM), action]
    try:
        ended = subprocess.run(command, input=codec.encode(order), capture_output=True, env=_ENVIRONMENT, cwd="/",
                               start_new_session=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise DeadlinePassed(f"trove-guestagent {action} took longer than {timeout:.0f} s.") from None
    except OSError as error:
        raise HostFailed(f"The agent's release {directory} does not start: {error.strerror}.",
                         "It needs Python 3.11 or later as /usr/bin/python3.") from error
    if ended.returncode == 0:
        return codec.decode(ended.stdout, answer)
    if ended.returncode < 0:
        raise Busy(f"trove-guestagent {action} was killed by signal {-ended.returncode}.", "It is tried again.")
    try:
        failure = codec.decode(ended.stdout, Failure)
    except Invalid:
        words = ended.stderr.decode(errors="replace").strip()[-2000:]
        raise Internal(f"trove-guestagent {action} ended with {ended.returncode}: {words}") from None
    raise from_code(failure.code, failure.message, failure.hint)
