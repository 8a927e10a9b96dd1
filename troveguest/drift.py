"""What was found to be otherwise than we left it, for as long as it is worth telling."""

import time
from collections.abc import Callable, Iterable

import msgspec

from common.contract.types import Drift
from common.openstack import log

LOG = log.get(__name__)

TOLD_FOR = 600.0
"""Seconds for which a repair is told of. Whoever undoes it again and again is told of once in that time."""


class Watch:
    """``known``: what is the matter now, and what was repaired lately. The clock gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.known: tuple[Drift, ...] = ()

    @property
    def unrepaired(self) -> bool:
        return any(not drift.repaired for drift in self.known)

    def note(self, found: Iterable[Drift]) -> None:
        """Takes all that one look found; each is logged when it is new, and when it is over."""
        now = self._clock()
        before = {drift.sentence: drift for drift in self.known
                  if not drift.repaired or now - drift.found_at < TOLD_FOR}
        after = {sentence: drift for sentence, drift in before.items() if drift.repaired}
        for drift in found:
            if drift.sentence not in before:
                LOG.warning(drift.sentence, drift="repaired" if drift.repaired else "found")
            known = before.get(drift.sentence, msgspec.structs.replace(drift, found_at=now))
            after[drift.sentence] = known
        for sentence in before.keys() - after.keys():
            LOG.info("What had been found is as it should be again.", what=sentence)
        self.known = tuple(after.values())
