"""Whether a server of the MySQL family greets, without its driver: the fifth byte of its first packet says so.

Source of the numbers: the MySQL client/server protocol, "Connection Phase": a packet begins with three bytes of length
and one of sequence; then comes 10 (protocol version) in a greeting, 255 in an error.
"""

import socket
from pathlib import Path

from ..server import Answer

_HEAD = 5
_GREETING, _ERROR = 10, 255


def ask(where: Path | tuple[str, int], timeout: float) -> Answer:
    """Knocks at a Unix socket, or at address and port. Takes at most ``timeout`` seconds a read, and never raises."""
    family, place = (socket.AF_UNIX, str(where)) if isinstance(where, Path) else (socket.AF_INET, where)
    try:
        with socket.socket(family) as knock:
            knock.settimeout(timeout)
            knock.connect(place)
            return read(knock.recv(_HEAD, socket.MSG_WAITALL))
    except OSError:  # no socket yet, nobody behind it, or no word in time: all of them are silence
        return Answer.SILENT


def read(head: bytes) -> Answer:
    """What the first bytes of a server mean."""
    if len(head) < _HEAD:
        return Answer.SILENT
    return {_GREETING: Answer.READY, _ERROR: Answer.REFUSED}.get(head[4], Answer.SILENT)
