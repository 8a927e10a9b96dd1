"""A log in its pieces, each once, over every restart of the control plane and of the agent: the API is asked for what
is behind the position that the last piece had. One piece is in memory at a time.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from common.errors import Unreachable

from .following import PAUSE, WAIT, Api

_KEPT = 2**20
"""Characters that are kept at most to find the last lines."""


class Piece(NamedTuple):
    """``lost``: it does not follow on the one before."""

    text: str
    lost: bool
    more: bool = False


class Reader:
    """``connect`` as ``following.Follower`` has it; ``path`` is the log's. ``whole``: from the oldest line."""

    def __init__(self, connect: Callable[[], Api], path: str, whole: bool) -> None:
        self._connect = connect
        self._path = path
        self._after = "start" if whole else ""
        self._api: Api | None = None

    def known(self) -> Iterator[Piece]:
        """What there is. Raises Unreachable and what the API refuses with."""
        more = True
        while more:
            piece = self.ask()
            more = piece.more
            yield piece

    def follow(self, on_silence: Callable[[Unreachable], None]) -> Iterator[Piece]:
        """Without end; ``on_silence`` is told once when nobody answers any more."""
        is_silent = False
        while True:
            asked, piece = time.monotonic(), Piece("", lost=False)
            try:
                piece, is_silent = self.ask(WAIT), False
            except Unreachable as error:
                self._api = None
                if not is_silent:
                    on_silence(error)
                is_silent = True
            if piece.text or piece.lost:
                yield piece
            elif time.monotonic() - asked < PAUSE:
                time.sleep(PAUSE)

    def ask(self, wait: float = 0.0) -> Piece:
        """The next one, perhaps after ``wait`` seconds and perhaps empty. Raises what the API refuses with."""
        if self._api is None:
            self._api = self._connect()
        chunk = self._api.get(self._path, after=self._after or None, wait=f"{wait:g}" if wait else None)["chunk"]
        self._after = chunk["after"]
        return Piece(chunk["text"], chunk["lost"], chunk["more"])


def last_lines(pieces: Iterable[Piece], count: int) -> Piece:
    """The last ``count`` of what they hold, and never more than a million characters."""
    text = ""
    for piece in pieces:
        text = (text + piece.text)[-_KEPT:]
    begins = [0, *(match.end() for match in re.finditer("\n", text) if match.end() < len(text))]
    return Piece(text[begins[-count:][0]:] if count else "", lost=False)
