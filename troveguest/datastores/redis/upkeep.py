"""What is the agent's own in a running server, kept as it was made: two users, and where it listens.

A tenant with root can change either. As long as the agent can log in it puts them right; once it cannot, the next start
of the server does (``programs``).
"""

from collections.abc import Mapping

from common.contract import types as t
from common.errors import TroveError

from ..server import LOOK
from .accounts import definition
from .client import Client
from .failures import refused
from .resp import Connection, ServerError


class Upkeep:
    """``live`` are the settings of ours that a server changes while it runs, by name."""

    client: Client
    live: Mapping[str, str]

    def tend_server(self) -> list[t.Drift]:
        try:
            with self.client.session(LOOK) as session:
                users = put_right(session, self.client)
                return [*(_repaired(f"The server's account {name}") for name in users), *self._tend_settings(session),
                        *_followed(session)]
        except TroveError as error:
            if error.message != refused().message:
                raise
            return [t.Drift(sentence=error.sentence())]

    def _tend_settings(self, session: Connection) -> list[t.Drift]:
        found = []
        for name, value in self.live.items():
            now = session.texts("CONFIG", "GET", name)[1:]
            if not now or now == [value]:
                continue
            try:
                session.ask("CONFIG", "SET", name, value)
            except ServerError as error:
                found.append(t.Drift(sentence=f"The server's setting {name} was changed behind our back to"
                                              f" {now[0][:80]!r} and cannot be put right: {str(error)[:200]}."))
            else:
                found.append(_repaired(f"The server's setting {name}"))
        return found


def put_right(session: Connection, client: Client) -> list[str]:
    """Makes the server's own users what they are to be; the names of those that were something else."""
    changed = []
    for name, wanted in client.own_users().items():
        before = definition(session, name)
        session.ask("ACL", "SETUSER", name, "reset", *wanted)
        if definition(session, name) != before:
            changed.append(name)
    if changed:
        session.ask("ACL", "SAVE")
    return changed


def _followed(session: Connection) -> list[t.Drift]:
    role = session.ask("ROLE")
    if not isinstance(role, list) or role[0] != "slave":
        return []
    return [t.Drift(sentence=f"Somebody made the server follow {role[1]}, port {role[2]}: it has that one's data and"
                             " takes no writes. End it as root with REPLICAOF NO ONE.")]


def _repaired(what: str) -> t.Drift:
    return t.Drift(repaired=True, sentence=f"{what} was changed behind our back and has been put right.")
