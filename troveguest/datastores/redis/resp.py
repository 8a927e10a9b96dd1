"""The servers' protocol, RESP version 2, as far as a client needs it that waits for each answer.

Source: Redis' documentation, "Redis serialization protocol specification". Whoever is at the other end may say
anything: an answer is bounded in size, depth and time.
"""

import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

Reply: TypeAlias = "str | int | list[Reply] | None"
Place = Path | tuple[str, int]

_LARGEST = 16 * 2**20
"""Bytes of one answer; what the agent asks for is far smaller."""
_LONGEST_LINE = 65536
_DEEPEST = 8
"""Lists in one another; the answers that we ask for have two."""


class ServerError(Exception):
    """What the server said; ``code`` is its first word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class Lost(Exception):
    """Nobody there, gone in the middle, late, or no server of this kind."""


class Late(Lost):
    """Nothing came in time."""


class Connection:
    """One session, until ``close``. Raises Lost and ServerError."""

    def __init__(self, place: Place, timeout: float) -> None:
        """``timeout`` in seconds is for all that is ever asked in it."""
        self._deadline = time.monotonic() + timeout
        self._received = bytearray()
        self._room = 0
        self._line = socket.socket(_family(place))
        try:
            self._line.settimeout(timeout)
            self._line.connect(str(place) if isinstance(place, Path) else place)
        except OSError as error:
            self._line.close()
            raise _lost(error) from None

    def ask(self, *words: str) -> Reply:
        """The answer to one command."""
        parts = (b"$%d\r\n%b\r\n" % (len(word), word) for word in (word.encode(errors="replace") for word in words))
        self._room = _LARGEST
        try:
            self._line.settimeout(self._left())
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why before it hung up
                self._line.sendall(b"*%d\r\n%b" % (len(words), b"".join(parts)))
            return self._reply(0)
        except OSError as error:
            raise _lost(error) from None
        except ValueError:
            raise Lost("An answer that cannot be read.") from None

    def texts(self, *words: str) -> list[str]:
        """Of a command that is answered with a list, what in it is text."""
        found = self.ask(*words)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def close(self) -> None:
        self._line.close()

    def _reply(self, depth: int) -> Reply:
        line = self._take_line()
        kind, rest = line[:1], line[1:].decode(errors="replace")
        if kind == b"-":
            raise ServerError(rest)
        if kind == b"+":
            return rest
        size = int(rest)
        if kind == b":":
            return size
        if kind == b"$":
            return None if size < 0 else self._take(size + 2)[:-2].decode(errors="replace")
        if kind != b"*" or depth >= _DEEPEST:
            raise Lost("An answer that no server of this kind gives.")
        return None if size < 0 else [self._reply(depth + 1) for _ in range(size)]

    def _take_line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > _LONGEST_LINE:
                raise Lost("A line of an impossible length.")
            self._receive()
        return self._take(end + 2)[:-2]

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self) -> None:
        self._line.settimeout(self._left())
        more = self._line.recv(65536)
        self._room -= len(more)
        if not more or self._room < 0:
            raise Lost("The server hung up, or says too much.")
        self._received += more

    def _left(self) -> float:
        """Raises TimeoutError, an OSError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The time is over.")
        return left


def _family(place: Place) -> socket.AddressFamily:
    if isinstance(place, Path):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in place[0] else socket.AF_INET


def _lost(error: OSError) -> Lost:
    return Late("Nothing came in time.") if isinstance(error, TimeoutError) else Lost(str(error))

