"""What a check found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from common.errors import TroveError

Level = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """``sentence`` says how it is, ``remedy`` what to do; only of what is ok there is nothing to do.

    A warning is something that works with less than it could.
    """

    check: str
    level: Level
    sentence: str
    remedy: str = ""


def ok(check: str, sentence: str) -> Finding:
    return Finding(check, "ok", sentence)


def warning(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "warning", sentence, remedy)


def failed(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "failed", sentence, remedy)


def collect(check: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What ``look`` finds; an error that it raises is what was found."""
    try:
        return list(look())
    except TroveError as error:
        return [failed(check, error.message, error.hint or "See the log of the control plane.")]
    except PermissionError as error:
        return [failed(check, f"{error.filename} is hidden from this user.", "Run this as the installation's user.")]
