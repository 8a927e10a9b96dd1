"""The server's protocol, version 3.0, as far as a client needs it that logs in by peer and reads texts.

Source of the messages and their letters: PostgreSQL's documentation, "Frontend/Backend Protocol". Whoever is at the
other end may say anything: an answer is bounded in size, and every call in time.
"""

import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ..server import Answer

Row = tuple[str | None, ...]
Place = Path | tuple[str, int]

_VERSION = 3 << 16
_LARGEST = 16 * 2**20
"""Bytes of one answer; what the agent asks for is far smaller."""
_STARTING = "57P03"
_NO_MESSAGE = (b"S", b"K", b"N", b"A")
"""What may come at any time and tells us nothing: settings, the key to cancel, notices, notifications."""


class ServerError(Exception):
    """What the server said; ``code`` is its five-letter SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Lost(Exception):
    """Nobody there, gone in the middle, late, or no server of PostgreSQL's."""


class Late(Lost):
    """Nothing came in time."""


class Connection:
    """One session, until ``close``. Raises Lost and ServerError."""

    def __init__(self, place: Place, settings: Mapping[str, str], timeout: float) -> None:
        """``settings`` begin with user and database. Logged in when this returns, within ``timeout`` seconds."""
        self._line = _dial(place, settings, timeout)
        try:
            self._log_in()
        except BaseException:
            self._line.close()
            raise

    def rows(self, statement: str, timeout: float | None = None) -> list[Row]:
        """Runs one statement, in what is left of the login's time unless it gets its own; the server refuses a second
        one in the same text."""
        if timeout is not None:
            self._line.deadline = time.monotonic() + timeout
        self._line.send(_message(b"P", b"\0" + _text(statement) + b"\0\0"), _message(b"B", b"\0\0" + b"\0\0" * 3),
                        _message(b"E", b"\0" + b"\0" * 4), _message(b"S", b""))
        return [_row(body) for kind, body in self._answer() if kind == b"D"]

    def close(self) -> None:
        with suppress(Lost):  # it is over either way
            self._line.send(_message(b"X", b""))
        self._line.close()

    def _log_in(self) -> None:
        for kind, body in self._answer():
            if kind == b"R" and body != b"\0\0\0\0":
                raise ServerError("28000", "The server does not believe the operating system who we are.")

    def _answer(self) -> Iterator[tuple[bytes, bytes]]:
        """Messages up to the one that says that the server waits for the next order. Raises the error among them."""
        error: ServerError | None = None
        try:
            for kind, body in self._line.messages():
                if kind == b"E":
                    error = error or _error(body)
                elif kind == b"Z":
                    break
                elif kind not in _NO_MESSAGE:
                    yield kind, body
        except Lost:
            if error is None:  # else the server told why it hangs up
                raise
        if error is not None:
            raise error


def ask(place: Place, user: str, timeout: float) -> Answer:
    """Knocks. Takes at most ``timeout`` seconds, and never raises."""
    try:
        line = _dial(place, {"user": user, "database": "postgres"}, timeout)
        try:
            kind, body = next(line.messages())
        finally:
            line.close()
    except Lost:
        return Answer.SILENT
    if kind == b"E":
        return Answer.SILENT if _error(body).code == _STARTING else Answer.REFUSED
    return Answer.READY if kind == b"R" else Answer.SILENT


class _Line:
    """``deadline`` on the monotonic clock goes for all that is sent and received until it is set anew."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self._line = line
        self.deadline = deadline

    def connect(self, place: Place) -> None:
        try:
            self._line.settimeout(self._left())
            self._line.connect(str(place) if isinstance(place, Path) else place)
        except OSError as error:
            raise _lost(error) from None

    def send(self, *messages: bytes) -> None:
        try:
            self._line.settimeout(self._left())
            self._line.sendall(b"".join(messages))
        except OSError as error:
            raise _lost(error) from None

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        room = _LARGEST
        while True:
            kind, length = struct.unpack("!ci", self._receive(5))
            if not 4 <= length <= room:
                raise Lost("An answer of an impossible size.")
            room -= length
            yield kind, self._receive(length - 4)

    def close(self) -> None:
        self._line.close()

    def _receive(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            try:
                self._line.settimeout(self._left())
                more = self._line.recv(min(size - len(found), 65536))
            except OSError as error:
                raise _lost(error) from None
            if not more:
                raise Lost("The server hung up.")
            found += more
        return bytes(found)

    def _left(self) -> float:
        """Raises TimeoutError, an OSError."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The time is over.")
        return left


def _dial(place: Place, settings: Mapping[str, str], timeout: float) -> _Line:
    line = _Line(socket.socket(socket.AF_UNIX if isinstance(place, Path) else socket.AF_INET),
                 time.monotonic() + timeout)
    try:
        line.connect(place)
        body = b"".join(_text(word) for pair in settings.items() for word in pair)
        line.send(_message(b"", struct.pack("!i", _VERSION) + body + b"\0"))
    except BaseException:
        line.close()
        raise
    return line


def _lost(error: OSError) -> Lost:
    return Late("Nothing came in time.") if isinstance(error, TimeoutError) else Lost(str(error))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _error(body: bytes) -> ServerError:
    fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", ""))


def _row(body: bytes) -> Row:
    """Raises Lost for a row that is none."""
    try:
        return tuple(_fields(body))
    except (struct.error, ValueError):
        raise Lost("A row that cannot be read.") from None


def _fields(body: bytes) -> Iterator[str | None]:
    (count,) = struct.unpack_from("!h", body)
    offset = 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, offset)
        offset += 4
        yield None if length < 0 else body[offset:offset + length].decode(errors="replace")
        offset += max(0, length)
