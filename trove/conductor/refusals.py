"""Reports that were not taken, told to people as events: seldom, whatever somebody sends."""

import time
from collections.abc import Callable

from common.openstack import log
from trove.db import audit, events
from trove.db.store import Store
from trove.domain.events import EventKind

LOG = log.get(__name__)

QUIET = 3600.0
"""Seconds for which the same refusal of the same instance's reports is not told again."""

REASONS = {
    "unopened": "it does not open with the agent's key; somebody else may have the agent's login at the broker",
    "mismatched": "it says one thing in clear and another sealed; somebody may have put it together",
    "oversized": "it is longer than any report",
    "invalid": "it is not of the contract's shape",
    "too new": "it is in a version of the contract that is not spoken here: upgrade the control plane",
}
"""What is the sender's fault; the rest is ours, and in the log."""


class Refusals:
    """``note`` is for one thread, and never fails."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}

    def note(self, instance_id: str, reason: str) -> None:
        now = self._clock()
        if reason not in REASONS or now - self._told.get((instance_id, reason), -QUIET) < QUIET:
            return
        self._told = {key: at for key, at in self._told.items() if now - at < QUIET} | {(instance_id, reason): now}
        try:
            with self._store.write() as connection:
                events.note(connection, EventKind.GUEST_REFUSED, instance_id,
                            f"A report in the agent's name was not taken: {REASONS[reason]}.")
                audit.note(connection, "guest.report", instance_id, "refused")
        except Exception as error:  # noqa: BLE001 (the store may be away; the refusal is in the log and counted)
            LOG.error("A refusal could not be written down.", error, instance=instance_id, reason=reason)
