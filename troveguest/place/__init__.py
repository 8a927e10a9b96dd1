"""The root command that looks at a Linux host and makes, enlarges and removes an instance's place on it.

``main`` reads a description on standard input and answers on standard output, both JSON
(``common.contract.placement``). An error is ``{"code", "message", "hint"}`` with exit code 1.
"""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from common.contract import codec
from common.contract.placement import Growth, Placement, Preflight, Unplacement
from common.contract.types import Failure
from common.errors import HostFailed, Internal, NoSpace, TroveError

from . import placing, preflight

ACTIONS: dict[str, tuple[type, Callable[[Any], object]]] = {
    "preflight": (Preflight, lambda order: tuple(preflight.examine(preflight.CHECKS, order))),
    "place": (Placement, placing.place),
    "grow": (Growth, placing.grow),
    "unplace": (Unplacement, placing.unplace),
}


def main(words: Sequence[str]) -> int:
    """Runs one of ``ACTIONS``, the first of the words; the exit code."""
    kind, function = ACTIONS[words[0]]
    os.umask(0o022)
    order: object = None
    try:
        order = codec.decode(sys.stdin.buffer.read(), kind)
        answer = function(order)
    except Exception as error:  # noqa: BLE001 (the caller, perhaps on another machine, is to get every error)
        failure = _as_ours(error)
        answer = Failure(code=failure.code, message=failure.message, hint=failure.hint)
        status = 1
    else:
        status = 0
    sys.stdout.buffer.write(codec.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    if status == 0 and isinstance(order, Placement):
        with suppress(TroveError, OSError):  # the place is whole, and the next placing tries it again
            placing.make_template(order)
    return status


def _as_ours(error: Exception) -> TroveError:
    if isinstance(error, TroveError):
        return error
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return NoSpace(f"The disk is full: {error.filename or error.strerror}.", "Make room, then try again.")
        return HostFailed(f"{error.filename or 'The operating system'}: {error.strerror or error}.")
    traceback.print_exception(error)
    return Internal(f"{type(error).__name__} while the instance was placed.", "The trace is on standard error.")
