"""An engine whose server is a directory: what it holds outlives the process that works on it, as a real server does."""

import os
from pathlib import Path

from common.contract import types as t
from common.errors import EngineFailed, NotReady
from troveguest.datastores.base import Health


class DiskEngine:
    """``unmakable`` names cannot be made, as if the server refused them."""

    name = "disk"

    def __init__(self, directory: Path, unmakable: frozenset[str] = frozenset()) -> None:
        self.directory = directory
        self.unmakable = unmakable

    def is_initialised(self) -> bool:
        return (self.directory / "initialised").exists()

    def initialise(self, order: t.Prepare) -> None:
        self._touch("initialised")

    def configure(self) -> tuple[str, ...]:
        self._touch("configured")
        return ()

    def tend(self, serving: bool) -> tuple[t.Drift, ...]:
        return ()

    def start(self, timeout: float) -> None:
        if not self.is_initialised():
            raise EngineFailed("There is nothing to start.")
        self._touch("running")

    def stop(self, timeout: float) -> None:
        (self.directory / "running").unlink(missing_ok=True)

    def health(self) -> Health:
        return Health(t.ServiceStatus.HEALTHY if self._runs() else t.ServiceStatus.SHUTDOWN, "Looked.")

    def close(self) -> None:
        """Nothing is open."""

    def list_databases(self, page: t.PageRequest) -> t.DatabasePage:
        return t.DatabasePage(items=tuple(t.Database(name=name) for name in self.made("database")))

    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None:
        for database in databases:
            self._make("database", database.name)

    def delete_database(self, name: str) -> None:
        (self.directory / f"database.{name}").unlink()

    def list_users(self, page: t.PageRequest) -> t.UserPage:
        return t.UserPage(items=tuple(t.User(name=name) for name in self.made("user")))

    def get_user(self, user: t.UserRef) -> t.User:
        return t.User(name=user.name)

    def ensure_users(self, users: tuple[t.NewUser, ...]) -> None:
        for user in users:
            self._make("user", user.name)

    def delete_user(self, user: t.UserRef) -> None:
        (self.directory / f"user.{user.name}").unlink()

    def update_attributes(self, user: t.UserRef, changes: t.UserChanges) -> None:
        """Nothing is kept of a user but the name."""

    def made(self, kind: str) -> list[str]:
        return sorted(file.name.partition(".")[2] for file in self.directory.glob(f"{kind}.*"))

    def _make(self, kind: str, name: str) -> None:
        if not self._runs():
            raise NotReady("The server is down.")
        if name in self.unmakable:
            raise EngineFailed(f"The server does not want {name}.", "Choose another name.")
        self._touch(f"{kind}.{name}")

    def _runs(self) -> bool:
        return (self.directory / "running").exists()

    def _touch(self, name: str) -> None:
        os.close(os.open(self.directory / name, os.O_CREAT | os.O_WRONLY, 0o600))
