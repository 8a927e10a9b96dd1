"""The server's errors as ours, by their numbers; the text is asked only for the operating system's number in it."""

import re

from common.errors import (
    Busy,
    Conflict,
    DeadlinePassed,
    EngineFailed,
    Exists,
    Invalid,
    NotFound,
    NotReady,
    TroveError,
)

from ..room import is_full, no_space

CANNOT_CONNECT = 2002
_LOST = frozenset({0, CANNOT_CONNECT, 2003, 2006, 2013, 2014, 2055, 1053, 1077, 1080, 1152, 1184, 1927, 3169, 4031})
_REFUSED = frozenset({1044, 1045, 1142, 1227, 1449, 1524, 1698, 3118, 4151})
_FULL = frozenset({1021, 1114})
_SAYS_FULL = re.compile(r"No space left on device|(errno:|Errcode:|with error) (28|122)\b")
"""The operating system's ENOSPC and EDQUOT, in the ways in which the servers and InnoDB write them."""

_KNOWN: dict[int, tuple[type[TroveError], str]] = {
    1007: (Exists, "The database is there already."),
    1008: (NotFound, "The database is not there."),
    1049: (NotFound, "The database is not there."),
    1102: (Invalid, "The server does not take this database name."),
    1115: (Invalid, "The server has no such character set."),
    1253: (Invalid, "The collation is none of the character set."),
    1273: (Invalid, "The server has no such collation."),
    1470: (Invalid, "The name is too long for the server."),
    1141: (NotFound, "The account has no such grant."),
    1396: (Conflict, "The account changed meanwhile."),
    1205: (Busy, "A client of the server holds a lock that this needs."),
    1213: (Busy, "A client of the server holds a lock that this needs."),
    1290: (Conflict, "The server runs with an option that forbids this, such as read_only."),
    1819: (Invalid, "The password is not as the server's rules for passwords want it."),
    1969: (DeadlinePassed, "The server gave the statement up after its time limit."),
}


def translate(number: int, text: str) -> TroveError:
    """``number`` and ``text`` as the driver gave them; 0 when the connection was closed on our side."""
    if number in _FULL or says_full(text):
        return no_space()
    if number in _LOST:
        return NotReady("The database server does not answer.", "Wait until it runs, or restart the instance.")
    if number in (1040, 1203):
        return NotReady("The database server has no connection free.", "Close connections, or raise max_connections.")
    if number in _REFUSED:
        return refused()
    kind, sentence = _KNOWN.get(number, (EngineFailed, "The database server refused the order."))
    return kind(f"{sentence[:-1]} (the server's error {number}: {text[:300]}).")


def says_full(text: str) -> bool:
    return _SAYS_FULL.search(text) is not None


def refused() -> EngineFailed:
    return EngineFailed("The database server refuses the agent's own account.",
                        "Somebody with root took it away. Restart the instance: the server gives it back at its start.")


def timed_out(free_bytes: int) -> TroveError:
    """A statement was not answered in time; with a full volume the server waits for room, and does not say so."""
    if is_full(free_bytes):
        return no_space()
    return DeadlinePassed("The database server did not answer in time.", "Ask again when it is less busy.")
