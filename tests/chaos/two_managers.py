"""An installation whose store is PostgreSQL, with a second task manager beside its control plane."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

from tests.awaiting import until
from tests.installation import BIN, Installation, installation, kill
from tests.trove import postgresql


class Peer:
    """``trovectl task-manager`` in the foreground of a process of its own; what it says is in ``log``."""

    def __init__(self, made: Installation, name: str, log: str = "peer.log") -> None:
        self.name = name
        self.log = made.state.parent / log
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BIN / "trovectl"), "task-manager", "--state", str(made.state), "--name", name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env={"PATH": os.defpath, "HOME": "/root"})
        until(self._works, 60, f"task manager {name} works")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(60)

    def _works(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "works for" in self.log.read_text()


class Pair:
    """Standalone and ``peer``; ``urls`` are of store and flows."""

    def __init__(self, made: Installation, urls: tuple[str, str]) -> None:
        self.made = made
        self.urls = urls
        self._engine = sqlalchemy.create_engine(urls[0])
        self.peer = Peer(made, "peer")

    def rows(self, statement: str, **values: object) -> list[sqlalchemy.Row]:  # type: ignore[type-arg]
        with self._engine.connect() as connection:
            return list(connection.execute(sqlalchemy.text(statement), values))

    def runner(self, instance: str, kind: str) -> str | None:
        """The name of the task manager that has the newest such operation of the instance."""
        [row] = self.rows("SELECT executor_id FROM operations WHERE instance_id = :id AND kind = :kind"
                          " ORDER BY created DESC LIMIT 1", id=instance, kind=kind)
        return str(row.executor_id).partition("@")[0] if row.executor_id else None

    def step(self, instance: str, kind: str) -> str:
        return str(self.rows("SELECT step FROM operations WHERE instance_id = :id AND kind = :kind"
                             " ORDER BY created DESC LIMIT 1", id=instance, kind=kind)[0].step)

    def state_of(self, instance: str, kind: str) -> str:
        return str(self.rows("SELECT state FROM operations WHERE instance_id = :id AND kind = :kind"
                             " ORDER BY created DESC LIMIT 1", id=instance, kind=kind)[0].state)

    def orders(self, instance: str) -> list[tuple[str, str]]:
        """(method, state) of every order that was given to the guest, as noted before it was sent."""
        return [(row.method, row.state) for row in self.rows(
            "SELECT method, state FROM guest_orders WHERE instance_id = :id ORDER BY asked_at", id=instance)]

    def write(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    def kill(self, name: str) -> None:
        if name == self.peer.name:
            self.peer.kill()
        else:
            kill(self.made.pid)

    def bring_back(self, name: str) -> None:
        if name == self.peer.name:
            self.peer = Peer(self.made, name)
        else:
            self.made.up()

    def close(self) -> None:
        if self.peer.process.poll() is None:
            self.peer.process.send_signal(signal.SIGCONT)
            assert self.peer.end() == 0, self.peer.log.read_text()
        self._engine.dispose()


@contextmanager
def pair(directory: Path) -> Iterator[Pair]:
    with postgresql.server() as maintenance:
        store, flows = postgresql.new_database(maintenance), postgresql.new_database(maintenance)
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text(f"[database]\nconnection = {store}\n[flows]\nconnection = {flows}\n")
        with installation(state) as made:
            both = Pair(made, (store, flows))
            try:
                yield both
            finally:
                both.close()
