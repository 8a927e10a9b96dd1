"""What the control plane's processes tell one another: that something happened, and to which ids. Guests see none.

An event is a hint. Whatever it tells of is in the database already, and an event may be lost (while the broker is away,
or a subscriber's connection is being made anew): who waits for one looks into the database when his patience ends.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from common import crypto, errors
from common.openstack.rpc import connection

from . import names

LOG = logging.getLogger(__name__)

LIFE = 60.0
"""Seconds after which an event that nobody has taken, or the queue of a process that is gone, is dropped."""

PATIENCE = 5.0
"""Seconds that a caller may be kept while the connection is being made anew."""

QUEUE_ARGUMENTS: dict[str, object] = {"x-expires": int(LIFE * 1000), "x-max-length": 10_000}

Callback = Callable[[str, dict[str, Any]], None]


class Subscription:
    """One callback's interest in one pattern, until it is closed. Also a context manager."""

    def __init__(self, events: "Events", pattern: str, callback: Callback) -> None:
        self.pattern = pattern
        self.callback = callback
        self._events = events

    def close(self) -> None:
        self._events.unsubscribe(self)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Events:
    """One queue on the broker for all subscriptions of a process, declared again with every new connection."""

    def __init__(self, bus: connection.Bus) -> None:
        self._bus = bus
        self._queue = f"events_{crypto.random_id()}"
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._declared = False
        bus.on_connect(self._declare)
        bus.consume(self._queue, self._receive, no_ack=True)

    def publish(self, key: str, **ids: object) -> None:
        """Tells those who subscribed to ``key``, with ``ids`` of JSON's types. Never fails: see above."""
        body = msgspec.json.encode(ids)
        try:
            self._bus.publish(names.EVENTS_EXCHANGE, key, body, expiration=LIFE, timeout=PATIENCE)
        except errors.Unreachable as reason:
            LOG.warning("The event %s is lost: %s", key, reason)

    def subscribe(self, pattern: str, callback: Callback) -> Subscription:
        """``callback(key, ids)`` for every event from now on whose key matches the AMQP topic ``pattern``.

        It runs on the bus thread and must not wait. Without a connection, "now" is when there is one again.
        """
        subscription = Subscription(self, pattern, callback)
        with self._lock:
            self._subscriptions.append(subscription)
            declared = self._declared
        if declared:
            # Unreachable: the next connection binds it with all the others.
            with contextlib.suppress(errors.Unreachable):
                self._bus.run(lambda channel: self._bind(channel, [pattern]), timeout=PATIENCE)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Nothing to do when it is closed already."""
        with self._lock:
            if subscription not in self._subscriptions:
                return
            self._subscriptions.remove(subscription)
            wanted = any(other.pattern == subscription.pattern for other in self._subscriptions)
        if not wanted and self._bus.connected:
            # Unreachable: the next connection starts with an empty queue anyway.
            with contextlib.suppress(errors.Unreachable):
                self._bus.run(lambda channel: self._unbind(channel, subscription.pattern), timeout=PATIENCE)

    def _declare(self, channel: Any) -> None:
        # A former connection that the broker still believes in would go on taking our events.
        channel.queue_delete(self._queue)
        channel.exchange_declare(names.EVENTS_EXCHANGE, "topic", durable=True, auto_delete=False)
        channel.queue_declare(self._queue, durable=False, exclusive=False, auto_delete=False, arguments=QUEUE_ARGUMENTS)
        with self._lock:
            self._declared = True
            patterns = sorted({subscription.pattern for subscription in self._subscriptions})
        self._bind(channel, patterns)

    def _bind(self, channel: Any, patterns: Sequence[str]) -> None:
        for pattern in patterns:
            channel.queue_bind(self._queue, names.EVENTS_EXCHANGE, pattern)

    def _unbind(self, channel: Any, pattern: str) -> None:
        """Looks once more: another thread may have subscribed to the same pattern meanwhile."""
        with self._lock:
            wanted = any(other.pattern == pattern for other in self._subscriptions)
        if not wanted:
            channel.queue_unbind(self._queue, names.EVENTS_EXCHANGE, pattern)

    def _receive(self, delivery: connection.Delivery) -> None:
        ids = msgspec.json.decode(delivery.body, type=dict[str, Any])
        with self._lock:
            concerned = [one for one in self._subscriptions if matches(one.pattern, delivery.key)]
        for subscription in concerned:
            try:
                subscription.callback(delivery.key, ids)
            except Exception:
                LOG.exception("A subscriber of %s failed on the event %s", subscription.pattern, delivery.key)


def matches(pattern: str, key: str) -> bool:
    """AMQP's topic rule: words between dots, ``*`` stands for one, ``#`` for any number of them."""
    return pattern == key or _match(pattern.split("."), key.split(".") if key else [])


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _match(pattern[1:], words) or (bool(words) and _match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _match(pattern[1:], words[1:])
