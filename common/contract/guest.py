"""What the control plane may ask of a guest agent. Names are those of OpenStack Trove where the meaning is one."""

from typing import Protocol

from common.secret import Secret

from . import types as t
from .declare import call, operation


class Guest(Protocol):
    """Orders to one guest. Starting and stopping a server takes long, so these are operations and never calls."""

    @call()
    def rpc_ping(self) -> t.AgentInfo:
        """Answers who it is."""

    @operation(deadline=600)
    def prepare(self, order: t.Prepare) -> None:
        """Initialises and starts the server, then makes the databases, users and root that were asked for.

        Fails as a whole, naming what is missing, when a database or user cannot be made.
        """

    @operation(deadline=300)
    def restart(self) -> None:
        """Stops and starts the server; done when it accepts connections."""

    @operation(deadline=300)
    def stop_db(self) -> None:
        """Stops the server and keeps it down until ``start_db`` or ``restart``."""

    @operation(deadline=300)
    def start_db(self) -> None:
        """Starts the server if it is down; done when it accepts connections."""

    @operation(deadline=300, since="1.2")
    def upgrade(self, release: str, total: str) -> None:
        """Replaces the agent by that of ``release``, a directory beside it whose hash must be ``total``.

        Done when the new one has reported. One that does not is rolled back, and the order fails with the reason.
        """

    @call()
    def get_filesystem_stats(self) -> t.FilesystemStats:
        """Space on the data volume."""

    @call(capability="configuration", since="1.3")
    def update_overrides(self, overrides: dict[str, str], live: tuple[str, ...], repair: bool) -> None:
        """Makes ``overrides``, in the server's own spelling, all of the tenant's settings; what is not in it any more
        goes back to what the server has without them.

        ``live`` are the names, wanted or dropped, that the server can change while it runs: these it does at once, the
        others at its next start. ``repair``: what somebody else changes of these in the server is undone.
        Raises EngineFailed for a value that the server does not take: then nothing is changed.
        """

    @call(capability="configuration", since="1.3")
    def get_settings(self, names: tuple[str, ...]) -> dict[str, str]:
        """The values that the server has now, in its own spelling, of those names that it knows."""

    @call(capability="logs", since="1.3")
    def list_logs(self) -> tuple[t.Log, ...]:
        """The server's logs."""

    @call(capability="logs", since="1.3")
    def read_log(self, name: str, after: str, limit: int) -> t.LogChunk:
        """At most ``limit`` bytes, and never more than 64 KiB, behind the position ``after``: one that a piece had,
        ``start``, or empty for the log's last lines. What was rotated meanwhile is read to its end first.
        Raises NotFound, and Invalid for no position.
        """

    @call(capability="logs", since="1.3")
    def set_log(self, name: str, enabled: bool) -> None:
        """Has the server write the log or not, from now on and after each of its starts.
        Raises NotFound, and Invalid for one that is always written.
        """

    @call(capability="databases")
    def list_databases(self, page: t.PageRequest) -> t.DatabasePage:
        """The tenant's databases in name order, without the engine's own."""

    @call(capability="databases")
    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None:
        """Makes those that are not there yet."""

    @call(capability="databases")
    def delete_database(self, name: str) -> None:
        """Raises NotFound."""

    @call(capability="users")
    def list_users(self, page: t.PageRequest) -> t.UserPage:
        """The tenant's accounts in name order, without the engine's own. Markers are ``name@host``."""

    @call(capability="users")
    def get_user(self, user: t.UserRef) -> t.User:
        """Raises NotFound."""

    @call(capability="users")
    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        """Makes each account, or gives it this password if it is there, and grants it its databases."""

    @call(capability="users")
    def delete_user(self, user: t.UserRef) -> None:
        """Raises NotFound."""

    @call(capability="users")
    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """Renames or gives another host or password. Raises NotFound, or Exists when the new name is taken."""

    @call(capability="access")
    def grant_access(self, user: t.UserRef, databases: tuple[str, ...]) -> None:
        """Lets the account use these databases. Raises NotFound for the account or a database."""

    @call(capability="access")
    def revoke_access(self, user: t.UserRef, database: str) -> None:
        """Raises NotFound when the account is not there or had no such access."""

    @call(capability="root")
    def enable_root(self, password: Secret | None) -> t.RootCredential:
        """Opens the superuser to the network with this password, or with a random one."""

    @call(capability="root")
    def disable_root(self) -> None:
        """Closes it again; nothing to do when it is closed."""

    @call(capability="root")
    def is_root_enabled(self) -> bool:
        """Whether the superuser may log in over the network."""
