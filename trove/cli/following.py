"""Events in their order, each once, over every restart of the control plane: the API is asked for what is behind the
last id that was seen, and answers when there is something.
"""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from common.errors import Unreachable

from .rest import Json

WAIT = 20.0
"""Seconds that the API may let us wait for the next event."""

PAUSE = 1.0
"""Seconds between two questions while the control plane is away, or has too many who wait already."""


class Api(Protocol):
    """What ``rest.Client`` is to a follower."""

    def get(self, path: str, **query: str | None) -> Json: ...


class Follower:
    """``connect`` gives an API anew: it may be at another port after a restart, and raises Unreachable meanwhile.

    ``instance_id`` None: of the whole project. ``since``: a time as the API writes it. ``last``: an id seen before.
    """

    def __init__(self, connect: Callable[[], Api], instance_id: str | None = None, since: str | None = None,
                 last: int = 0) -> None:
        self._connect = connect
        self._instance_id = instance_id
        self._since = since
        self._last = last
        self._api: Api | None = None

    def known(self) -> Iterator[Json]:
        """Those that there are. Raises Unreachable and what the API refuses with."""
        while events := self.ask():
            yield from events

    def follow(self, on_silence: Callable[[Unreachable], None]) -> Iterator[Json]:
        """Without end; ``on_silence`` is told once when nobody answers any more.

        Raises what the API refuses with, and Unreachable when nobody has answered yet.
        """
        events, is_silent = self.ask(), False
        while True:
            yield from events
            asked = time.monotonic()
            try:
                events, is_silent = self.ask(WAIT), False
            except Unreachable as error:
                self._api = None
                if not is_silent:
                    on_silence(error)
                events, is_silent = [], True
            if not events and time.monotonic() - asked < PAUSE:
                time.sleep(PAUSE)

    def ask(self, wait: float = 0.0) -> list[Json]:
        """The next ones, perhaps after ``wait`` seconds. Raises Unreachable and what the API refuses with."""
        if self._api is None:
            self._api = self._connect()
        events: list[Json] = self._api.get("/events", after=str(self._last), instance=self._instance_id,
                                           since=self._since, wait=f"{wait:g}" if wait else None)["events"]
        if events:
            self._last = events[-1]["id"]
        return events
