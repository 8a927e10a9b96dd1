"""What a behaviour is tried on: an engine on a host of its own, and a client of the server that it runs."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from common.datastores.manifest import Manifest

from ..datastores.base import EngineContext
from .host import DirectHost


class Client(Protocol):
    """An ordinary client of the database server, over the network."""

    def can_log_in(self, name: str, password: str) -> bool: ...

    def can_use(self, name: str, password: str, database: str) -> bool:
        """Whether this login may write to the database. The login itself must work."""

    def sees(self, name: str, password: str) -> set[str]:
        """The tenant's databases that this login is shown."""

    def stays_logged_in(self, name: str, password: str, database: str, meanwhile: Callable[[], None]) -> bool:
        """Whether a session that is using ``database`` can still use it after ``meanwhile``."""


@dataclass
class Subject:
    """``remake`` gives a second engine on the same host, as a new agent would have; ``engine`` has all protocols.

    ``overrides`` are the settings that it was initialised with, for speed.
    """

    engine: Any
    client: Client
    host: DirectHost
    manifest: Manifest
    remake: Callable[[], Any]
    overrides: dict[str, str] = field(default_factory=dict)


@contextmanager
def home(within: Path | None = None) -> Iterator[Path]:
    """An empty directory with a short path that other users may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="trove-", dir=within))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def engine_context(port: int, admin: str, version: str, within: Path | None = None,
                   binaries: str = "") -> Iterator[EngineContext]:
    """``within`` is where its directory is made, in place of where temporary files are; ``binaries`` where the programs
    are, in place of what ``TROVE_TEST_BINARIES`` names."""
    with home(within) as directory:
        host = DirectHost(directory)
        for name in ("data", "config", "run", "log"):
            (directory / name).mkdir(mode=0o755)
        for name in ("data", "run", "log"):
            host.give_to_engine(directory / name)
        try:
            yield EngineContext(
                host=host, version=version, address="127.0.0.1", port=port, memory_mb=256, data_dir=directory / "data",
                config_dir=directory / "config", run_dir=directory / "run", database_log=host.log,
                binaries=binaries or os.environ.get("TROVE_TEST_BINARIES", ""), admin=admin)
        finally:
            host.close()
