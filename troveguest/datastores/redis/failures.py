"""The server's errors as ours, by the word that they begin with (Redis' source: src/server.c, ``createSharedObjects``).
"""

from common.errors import Busy, EngineFailed, NotReady, TroveError

from .resp import ServerError

_SHUT_OUT = frozenset({"WRONGPASS", "NOAUTH", "NOPERM"})


def translate(error: ServerError) -> TroveError:
    text = str(error)
    if error.code in _SHUT_OUT:
        return refused()
    if error.code == "LOADING":
        return NotReady("The database server still reads its data.", "Wait until it runs.")
    if error.code == "BUSY":
        return Busy("A client's script keeps the database server busy.",
                    "End it as root with SCRIPT KILL or FUNCTION KILL, or restart the instance.")
    if error.code == "MISCONF":
        return EngineFailed("The database server takes no writes, since it could not write to its disk.",
                            "Its log says why; it takes them again by itself when it can write.")
    if text.startswith("ERR max number of clients"):
        return NotReady("The database server has no connection free.", "Close connections, or raise maxclients.")
    return EngineFailed(f"The database server refused the order ({text[:300]}).")


def silent() -> NotReady:
    return NotReady("The database server does not answer.", "Wait until it runs, or restart the instance.")


def refused() -> EngineFailed:
    return EngineFailed("The database server refuses the agent's own account.",
                        "Somebody with root took it away. Restart the instance: it is given back before the server"
                        " starts.")
