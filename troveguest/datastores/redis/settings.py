"""The tenant's settings while the server runs. Values are as ``CONFIG GET`` tells them: sizes in bytes, yes and no."""

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from common.errors import EngineFailed, TroveError

from ..overrides import Overrides
from ..server import BETWEEN_KNOCKS
from . import config, programs, resp
from .client import Client

_PATIENCE = 10.0
"""Seconds for a server without data to tell what it has without a configuration."""


class Settings(Overrides):
    """What ``Overrides`` wants of Redis."""

    client: Client
    layout: config.Layout

    def owned(self, name: str) -> str:
        if not config.is_name(name):
            return "no parameter of the server has such a name"
        return "it is a part of what the instance is made of" if config.is_owned(name) else ""

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        with self.client.session() as session:
            return _ask(session, names)

    def change(self, values: Mapping[str, str | None]) -> None:
        """All of them, or none: the server takes them together. Raises EngineFailed."""
        ours = config.ours(self.context.memory_mb)
        unknown = tuple(name for name, value in values.items() if value is None and name not in ours)
        without = ours | (self._defaults(unknown) if unknown else {})
        wanted = [(name, without.get(name) if value is None else value) for name, value in values.items()]
        words = [word for name, value in wanted if value is not None for word in (name, value)]
        with self.client.session() as session:
            if words:
                session.ask("CONFIG", "SET", *words)

    def _defaults(self, names: tuple[str, ...]) -> dict[str, str]:
        """What these servers have by themselves, which only such a server can tell: one without data is started for
        that long. Raises EngineFailed."""
        job = threading.Thread(target=self._run_bare, daemon=True)
        until = time.monotonic() + _PATIENCE
        job.start()
        try:
            while job.is_alive() and time.monotonic() < until:
                with suppress(resp.Lost):  # it does not listen yet; no event tells that a socket begins to
                    return _last_words(self.layout.bare_socket, names)
                job.join(BETWEEN_KNOCKS)
        finally:
            job.join()
        raise EngineFailed("The server does not tell its own defaults.", "Set the parameters instead of dropping them.")

    def _run_bare(self) -> None:
        command = (str(programs.find(self.context.binaries)), "-")
        with suppress(TroveError):  # whoever waits for its socket finds none
            self.context.host.run_job(command, _PATIENCE, config.bare_text(self.layout).encode())


def _last_words(socket: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Ends the server that tells them. Raises Lost for one that does not."""
    with closing(resp.Connection(socket, _PATIENCE)) as connection:
        found = _ask(connection, names)
        with suppress(resp.Lost):  # its way to say that it does
            connection.ask("SHUTDOWN", "NOSAVE")
    return found


def _ask(connection: resp.Connection, names: Iterable[str]) -> dict[str, str]:
    known = [name for name in names if config.is_name(name)]
    found = connection.texts("CONFIG", "GET", *known) if known else []
    return dict(zip(found[::2], found[1::2], strict=True))
