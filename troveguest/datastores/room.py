"""When a volume is called full, and what is said then."""

from common.errors import NoSpace

ROOM = 2**20
"""Bytes; with less, a volume is called full."""


def is_full(free_bytes: int) -> bool:
    return free_bytes < ROOM


def no_space() -> NoSpace:
    return NoSpace("The volume of the database server is full.", "Make the volume larger, or delete data.")
