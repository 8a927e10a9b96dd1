"""Requests a minute, per project and verb, in this process's memory. Off unless configured."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import falcon

from .views import limits

MINUTE = 60.0
MGMT_POST = "POST /mgmt"
"""What administrators order is counted apart."""
VERBS = ("GET", "POST", "PUT", "DELETE", MGMT_POST)
_COUNTED_AS = {"PATCH": "PUT", "HEAD": "GET"}
_PRUNE_AT = 10_000


class Rates:
    """A bucket that leaks evenly: a minute's worth may come at once, then one request each ``60 / rate`` seconds."""

    def __init__(self, rates: Mapping[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates: dict[str, int] = {verb: rates[verb] for verb in VERBS if rates.get(verb, 0) > 0}
        self._clock = clock
        self._empty_at: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def take(self, project_id: str, method: str, *, managing: bool = False) -> None:
        """Counts one request; ``managing``: below ``/mgmt``.

        Raises falcon.HTTPContentTooLarge with ``Retry-After``: upstream's 413."""
        verb = MGMT_POST if managing and method == "POST" else _COUNTED_AS.get(method, method)
        rate = self._rates.get(verb)
        if rate is None:
            return
        wait = self._pour((project_id, verb), MINUTE / rate)
        if wait > 0:
            raise falcon.HTTPContentTooLarge(
                description=f"Only {rate} {verb} requests a minute are allowed. Try again in {math.ceil(wait)} s.",
                retry_after=math.ceil(wait),
            )

    def describe(self, project_id: str) -> tuple[limits.Limit, ...]:
        """One row a limited verb, as ``GET /limits`` shows it."""
        now = self._clock()
        return tuple(self._row(verb, rate, max(0.0, self._empty_at.get((project_id, verb), now) - now))
                     for verb, rate in self._rates.items())

    def _pour(self, key: tuple[str, str], drop: float) -> float:
        """Seconds to wait, 0 when the request was let in; ``drop`` is what one request fills, in seconds."""
        now = self._clock()
        with self._lock:
            empty_at = max(self._empty_at.get(key, now), now) + drop
            if empty_at - now > MINUTE:
                return empty_at - now - MINUTE
            if len(self._empty_at) > _PRUNE_AT:
                self._empty_at = {key: at for key, at in self._empty_at.items() if at > now}
            self._empty_at[key] = empty_at
        return 0.0

    @staticmethod
    def _row(verb: str, rate: int, filled: float) -> limits.Limit:
        drop = MINUTE / rate
        wait = max(0.0, filled + drop - MINUTE)
        available = datetime.fromtimestamp(time.time() + wait, UTC)
        uri, regex = ("*/mgmt", "^/mgmt") if verb == MGMT_POST else ("*", ".*")
        return limits.Limit(verb=verb.partition(" ")[0], uri=uri, regex=regex, value=rate,
                            remaining=int((MINUTE - filled) / drop), unit="MINUTE",
                            nextAvailable=available.strftime("%Y-%m-%dT%H:%M:%SZ"))
