"""Whether a release is whole, for who asks at each placing: to read all of it takes longer than many a step of that."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from common import releases, trees

SURE = 600.0
"""Seconds after which every byte is read again although nothing was touched: a disk may err."""

_Look = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Whole:
    """Remembers, per release, how its files looked when they were read."""

    clock: Callable[[], float] = time.monotonic
    _known: dict[Path, tuple[_Look, float]] = field(default_factory=dict)

    def require(self, release: Path) -> None:
        """Raises Invalid naming a file that is not what the manifest says."""
        look, now = tuple(sorted(trees.look(str(release)))), self.clock()
        known, at = self._known.get(release, ((), now))
        if known != look or now - at > SURE:
            self._known.pop(release, None)
            releases.verify(release)
            self._known[release] = look, now
