"""What a check found: how it is, and what to do about it."""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from .errors import TroveError


class Finding(Struct, frozen=True):
    """``sentence`` says how it is, ``remedy`` what to do; only of what is ok there is nothing to do.

    A warning is something that works with less than it could.
    """

    check: str
    level: Literal["ok", "warning", "failed"]
    sentence: str
    remedy: str = ""


def ok(check: str, sentence: str) -> Finding:
    return Finding(check, "ok", sentence)


def warning(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "warning", sentence, remedy)


def failed(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "failed", sentence, remedy)


def collect(check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What ``look`` finds; an error that it raises is found, too."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except TroveError as error:
        found.append(failed(check, error.message, error.hint or "The log says more."))
    except PermissionError as error:
        found.append(failed(check, f"{error.filename} is hidden from this user.", "Run this as its owner, or as root."))
    except OSError as error:
        found.append(failed(check, f"{error.filename or check}: {error.strerror or error}.", "Look at it, as root."))
    return found
