"""A data directory that is copied for new instances. Each copy is given the two values by which servers differ."""

import secrets
import sys
import time
from pathlib import Path

from common.errors import HostFailed

from . import programs

_NONCE, _CHECKSUM = 32, 4
"""Bytes of the last two values in pg_control, whatever stands before them (pg_control.h, since PostgreSQL 10)."""
_LEAST, _MOST = 200, 400
"""Between these the checksum stands in all versions until now."""
_IN_LOG = 24
"""Where the first page of a segment of the write-ahead log has the server's identifier (xlog_internal.h)."""
_SEGMENT = "[0-9A-F]" * 24


def sources(binaries: str, version: str) -> tuple[Path, ...]:
    """The programs that it is made by. Raises HostFailed."""
    found = programs.find(binaries, version)
    return found.server, found.installer


def command(binaries: str, version: str, tree: Path) -> tuple[str, ...]:
    """What makes ``tree``, as an instance has it below ``data``."""
    return programs.initialise_command(programs.find(binaries, version), version, tree / "server")


def distinguish(tree: Path) -> None:
    """A system identifier as initdb draws it, and a nonce for logins that are to fail. Raises HostFailed."""
    control = tree / "server" / "global" / "pg_control"
    data = bytearray(control.read_bytes())
    end = _checksum_at(data)
    identifier = (int(time.time()) << 32 | secrets.randbits(32)).to_bytes(8, sys.byteorder)
    data[:8] = identifier
    data[end - _NONCE:end] = secrets.token_bytes(_NONCE)
    data[end:end + _CHECKSUM] = crc32c(data[:end]).to_bytes(_CHECKSUM, sys.byteorder)
    control.write_bytes(data)
    for segment in (tree / "server" / "pg_wal").glob(_SEGMENT):
        with segment.open("r+b") as file:
            file.seek(_IN_LOG)
            file.write(identifier)


def _checksum_at(control: bytearray) -> int:
    """Where pg_control has the checksum of all before it; versions differ in what that is. Raises HostFailed."""
    for end in range(_LEAST, _MOST, _CHECKSUM):
        if crc32c(control[:end]) == int.from_bytes(control[end:end + _CHECKSUM], sys.byteorder):
            return end
    raise HostFailed("PostgreSQL's pg_control is not as it was in all versions until now.")


def crc32c(data: bytes | bytearray) -> int:
    """Castagnoli's checksum."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _divided(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    return number


_TABLE = tuple(map(_divided, range(256)))
