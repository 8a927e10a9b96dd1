"""The root command of the agent's package, run from a release as a program of its own."""

from pathlib import PurePath
from typing import TypeVar

from common.contract import codec
from trove.releases.installing import PROGRAM

from . import running
from .running import Way

T = TypeVar("T")

PATIENCE = 180.0


def run(way: Way, release: PurePath, action: str, order: object, answer: type[T], timeout: float = PATIENCE) -> T:
    """``place``, ``grow`` or ``unplace``: the order goes to its standard input, as it holds secrets.

    Raises what the command answers, and what ``running.ask`` raises.
    """
    return running.ask(way, [str(release / PROGRAM), action], codec.encode(order), answer, timeout,
                       f"trove-guestagent {action}")
