"""The noun user: ACL users without the server's own. What is changed is in the aclfile when an order ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.contract import types as t
from common.datastores import redis as rules
from common.errors import Exists, NotFound, Unsupported

from .client import Client, digest
from .resp import Connection, ServerError

TENANT = (
    "~*", "&*", "+@all", "-@admin", "-@dangerous", "+flushall", "+flushdb", "+info", "+keys", "+restore", "+sort",
    "+sort_ro",
)  # fmt: skip
"""All data, and of the commands that Redis calls dangerous those that only touch data or tell of it: the rest steers
the server."""


class Accounts:
    """Capability ``users``."""

    client: Client

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        with self.client.session() as session:
            names = sorted(name for name in session.texts("ACL", "USERS") if not rules.is_reserved(name))
        found = [name for name in names if page.marker is None or name > page.marker]
        shown = tuple(t.User(name=name) for name in found[:page.limit])
        return t.UserPage(items=shown, next_marker=shown[-1].name if len(found) > page.limit else None)

    def get_user(self, user: t.UserRef) -> t.User:
        with self.client.session() as session:
            _require(session, user)
        return t.User(name=user.name)

    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        """Checks all users before it makes the first; all are made, or none. Raises Unsupported for databases."""
        for user in users:
            rules.check_user(user.name, user.host)
            rules.check_password(user.password.reveal())
            if user.databases:
                raise Unsupported("Redis has no databases that a user could be given.", "Leave them out.")
        with self.client.session() as session, saved(session, *(user.name for user in users)) as before:
            for user in users:
                new = () if before[user.name] else TENANT
                session.ask("ACL", "SETUSER", user.name, "on", *new, "resetpass", digest(user.password.reveal()))

    def delete_user(self, user: t.UserRef) -> None:
        """Its clients are cut."""
        with self.client.session() as session:
            _require(session, user)
            with saved(session, user.name):
                session.ask("ACL", "DELUSER", user.name)

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """A new name takes the rules along; the clients of the old one are cut."""
        new = changes.name or user.name
        if new != user.name or changes.host is not None:
            rules.check_user(new, changes.host or user.host)
        if changes.password is not None:
            rules.check_password(changes.password.reveal())
        password = ("resetpass", digest(changes.password.reveal())) if changes.password is not None else ()
        with self.client.session() as session:
            old = _require(session, user)
            if new != user.name and definition(session, new):
                raise Exists(f"There is a user {new} already.", "Choose another name.")
            with saved(session, user.name, new):
                session.ask("ACL", "SETUSER", new, "reset", *old, *password)
                if new != user.name:
                    session.ask("ACL", "DELUSER", user.name)


@contextmanager
def saved(session: Connection, *names: str) -> Iterator[dict[str, tuple[str, ...]]]:
    """What is done to these users inside is on the disk at the end; what the server cannot save is taken back."""
    before = {name: definition(session, name) for name in names}
    try:
        yield before
        session.ask("ACL", "SAVE")
    except ServerError:
        for name, old in before.items():
            if old:
                session.ask("ACL", "SETUSER", name, "reset", *old)
            else:
                session.ask("ACL", "DELUSER", name)
        raise


def definition(session: Connection, name: str) -> tuple[str, ...]:
    """The rules of a user as the server writes them; none for one that is not there, since each has some."""
    start = f"user {name} "
    return next((tuple(line.removeprefix(start).split(" ")) for line in session.texts("ACL", "LIST")
                 if line.startswith(start)), ())


def _require(session: Connection, user: t.UserRef) -> tuple[str, ...]:
    """Takes accounts that the tenant made with commands as well. Raises NotFound or Refused."""
    rules.check_not_reserved(user.name)
    if not (found := definition(session, user.name)):
        raise NotFound(f"There is no user {user.name}.")
    return found
