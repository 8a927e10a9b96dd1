"""What a check found: how it is, and what to do about it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from msgspec import Struct

from .errors import TroveError


class Finding(Struct, frozen=True):
    """``sentence`` says how it is, ``remedy`` what to do; only of what is ok there is nothing to do.

    A warning is something that works with less than it could.
    """

    level: Literal["ok", "warning", "failed"]
    check: str
    sentence: str
    remedy: str = ""


ok, warning, failed = partial(Finding, "ok"), partial(Finding, "warning"), partial(Finding, "failed")


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
