"""The server's errors as ours, by their SQLSTATE (PostgreSQL's documentation, appendix A)."""

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

from ..room import no_space

NO_DATABASE = "3D000"
_REFUSED = ("28", "42501", NO_DATABASE, "55000")
"""Of a login: the role is locked or has no rights, or the database that the agent uses is gone or closed."""

_KNOWN: dict[str, tuple[type[TroveError], str]] = {
    "22021": (Invalid, "The server does not take these characters."),
    "22023": (Invalid, "The server does not take a value."),
    "22P05": (Invalid, "The server does not take these characters."),
    "2BP01": (Conflict, "Something else in the server depends on it."),
    "25006": (Conflict, "The server is read-only."),
    "3D000": (NotFound, "The database is not there."),
    "42602": (Invalid, "The server does not take this name."),
    "42622": (Invalid, "The name is too long for the server."),
    "42704": (NotFound, "It is not there, or no longer."),
    "42710": (Exists, "There is a role of that name already."),
    "42809": (Invalid, "The server does not take this here."),
    "42939": (Invalid, "The server keeps this name for itself."),
    "42P04": (Exists, "The database is there already."),
    "40P01": (Busy, "A client of the server holds a lock that this needs."),
    "55006": (Busy, "A client of the server uses what is to change."),
    "55P03": (Busy, "A client of the server holds a lock that this needs."),
    "57014": (DeadlinePassed, "The server gave the statement up after its time limit."),
}


def translate(code: str, text: str) -> TroveError:
    if code == "53100" or "No space left on device" in text:
        return no_space()
    if code == "53300":
        return NotReady("The database server has no connection free.", "Close connections, or raise max_connections.")
    if code.startswith(("08", "57P")):
        return silent()
    kind, sentence = _KNOWN.get(code, (EngineFailed, "The database server refused the order."))
    return kind(f"{sentence[:-1]} (PostgreSQL's error {code}: {text[:300]}).")


def translate_login(code: str, text: str) -> TroveError:
    """Of the agent's own login."""
    return refused() if code.startswith(_REFUSED) else translate(code, text)


def silent() -> NotReady:
    return NotReady("The database server does not answer.", "Wait until it runs, or restart the instance.")


def refused() -> EngineFailed:
    return EngineFailed("The database server refuses the agent's own account.",
                        "Somebody with root took it away. Restart the instance: it is given back before the server"
                        " starts.")
