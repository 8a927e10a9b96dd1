"""Sessions over the server's Unix socket, one an order, and the password that opens them."""

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from common.contract.types import FilesystemStats
from common.errors import DeadlinePassed, TroveError

from ...host import files
from ..room import is_full, no_space
from ..server import Answer
from . import resp
from .failures import silent, translate

AGENT = "os_admin"
"""The agent's ACL user."""
RANDOM_BYTES = 27
"""Give 36 characters in base64: upstream's ``default_password_length``."""
ORDER_TIMEOUT = 14.0
"""Seconds; just below the deadline of the contract's calls, behind which nobody waits any more."""


def random_password() -> str:
    return urlsafe_b64encode(os.urandom(RANDOM_BYTES)).decode()


def digest(password: str) -> str:
    """As an ACL rule: what the server keeps of a password. No statement of ours holds one in clear."""
    return "#" + hashlib.sha256(password.encode()).hexdigest()


class Key:
    """The agent's password, in a file that its user alone may read; one is drawn where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""

    def reveal(self) -> str:
        if not self._text:
            self._text = (files.read(self._path, 1024) or b"").decode() or random_password()
        return self._text

    def keep(self) -> bool:
        """Whether it had been otherwise."""
        return files.write_if_changed(self._path, self.reveal(), mode=0o600)


class Client:
    """``space`` tells the volume's room, to explain a server that does not write."""

    def __init__(self, socket: Path, key: Key, space: Callable[[], FilesystemStats]) -> None:
        self._socket = socket
        self._key = key
        self._space = space

    @contextmanager
    def session(self, timeout: float = ORDER_TIMEOUT) -> Iterator[resp.Connection]:
        """Within ``timeout`` seconds altogether. Raises NotReady without a server, and the server's errors as ours."""
        try:
            with closing(resp.Connection(self._socket, timeout)) as connection:
                self._log_in(connection)
                yield connection
        except resp.ServerError as error:
            raise self._explain(error) from None
        except resp.Late:
            raise DeadlinePassed("The database server did not answer in time.", "Ask again when it is less busy.") \
                from None
        except resp.Lost:
            raise silent() from None

    def own_users(self) -> dict[str, tuple[str, ...]]:
        """The rules of the server's own users: the one that everybody is who has not logged in, and the agent."""
        return {"default": ("off", "sanitize-payload", "resetchannels", "-@all"),
                AGENT: ("on", "sanitize-payload", digest(self._key.reveal()), "~*", "&*", "+@all")}

    def own_users_text(self) -> str:
        """As lines of an aclfile, in the words in which a server saves them."""
        return "".join(f"user {name} {' '.join(rules)}\n" for name, rules in self.own_users().items())

    def knock(self, where: resp.Place, timeout: float) -> Answer:
        """At the socket as the agent, elsewhere as anybody. Takes at most ``timeout`` seconds, and never raises."""
        try:
            with closing(resp.Connection(where, timeout)) as connection:
                if isinstance(where, Path):
                    self._log_in(connection)
                return Answer.READY if connection.ask("PING") == "PONG" else Answer.SILENT
        except resp.ServerError as error:
            if error.code == "LOADING":
                return Answer.SILENT
            is_open = error.code == "MISCONF" or (error.code == "NOAUTH" and not isinstance(where, Path))
            return Answer.READY if is_open else Answer.REFUSED
        except resp.Lost:
            return Answer.SILENT

    def _log_in(self, connection: resp.Connection) -> None:
        connection.ask("AUTH", AGENT, self._key.reveal())

    def _explain(self, error: resp.ServerError) -> TroveError:
        """The server's own words for a full disk are many."""
        return no_space() if error.code in ("ERR", "MISCONF") and is_full(self._space().free) else translate(error)
