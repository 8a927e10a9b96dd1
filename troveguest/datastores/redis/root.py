"""The superuser for the tenant: the ACL user ``root``, with every command and all data, from any address."""

from common.contract import types as t
from common.datastores import redis as rules
from common.secret import Secret

from .accounts import definition, saved
from .client import Client, digest, random_password
from .upkeep import put_right

NAME = "root"


class Root:
    """Capability ``root``."""

    client: Client

    def enable_root(self, password: Secret | None) -> t.RootCredential:
        """Whoever has it can do in this server what its configuration does not shut for good: files and programs."""
        chosen = Secret(random_password()) if password is None else password
        rules.check_password(chosen.reveal())
        with self.client.session() as session, saved(session, NAME):
            session.ask("ACL", "SETUSER", NAME, "reset", "on", "~*", "&*", "+@all", digest(chosen.reveal()))
        return t.RootCredential(name=NAME, password=chosen)

    def disable_root(self) -> None:
        """Cuts its clients, and takes back what it may have opened of what is not its own."""
        with self.client.session() as session:
            with saved(session, NAME):
                session.ask("ACL", "DELUSER", NAME)
            put_right(session, self.client)

    def is_root_enabled(self) -> bool:
        with self.client.session() as session:
            return "on" in definition(session, NAME)
