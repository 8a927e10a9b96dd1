"""Bus: a connection to the broker that is made anew whenever it breaks, owned by one thread, usable from any.

The thread waits for two things at once, the broker's socket and a wake-up from other threads, and for nothing else
longer than ``link.SYNC_TIMEOUT``. What others want done is queued for it. When the connection breaks, what was sent and
not confirmed fails with Unreachable: the callers know whether their message may be sent twice; this module does not.
What was not sent yet goes over the next connection, if that comes in time.
"""

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import amqp

from common.errors import Unreachable

from . import link as links
from .link import BusAddress, Delivery, Publication
from .promise import Promise

__all__ = ["Bus", "BusAddress", "Delivery"]

LOG = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE_LIMIT = 20_000
"""Messages that may wait for the thread; a broker that takes no messages must not fill our memory."""

REMEDY = "Look at the broker's log, and at its memory and disk alarms."

HANDOVER = 5.0
"""Seconds that an unconfirmed message may wait for the thread, however short its sender waits for a connection."""

RETRY_CONSUMER = 5.0
"""Seconds between looks for a queue that is to be consumed and is not there."""

STEADY = 10.0
"""Seconds that a connection must have held before the next failure counts as the first."""

_Work = Callable[[links.Link], None]


@dataclass(slots=True)
class _Consumer:
    queue: str
    callback: Callable[[Delivery], None]
    no_ack: bool
    prefetch: int
    tag: str | None = None


class Backoff:
    """Pauses between attempts: doubling up to ``longest`` seconds, each drawn from its upper half."""

    def __init__(self, first: float = 0.2, longest: float = 15.0) -> None:
        self._first = first
        self._longest = longest
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def pause(self) -> float:
        whole = min(self._longest, self._first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        return whole * (0.5 + os.urandom(1)[0] / 512)


class Bus:
    """``start`` returns at once; callers of ``publish`` and ``run`` wait for the connection up to their own limit."""

    def __init__(self, address: BusAddress, name: str) -> None:
        """``name`` is what the broker shows for the connection."""
        self.address = address
        self.name = name
        self._backoff = Backoff()
        self._link: links.Link | None = None
        self._state = threading.Condition()
        self._connected = False
        self._blocked = False
        self._stopping = False
        self._work: deque[_Work | Publication] = deque()
        self._woken = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._on_connect: list[Callable[[Any], None]] = []
        self._on_return: list[Callable[[str], None]] = []
        self.on_refused: Callable[[], None] = lambda: None
        """When the broker does not take the login of ``address``: another one may be put there."""
        self._consumers: dict[str, _Consumer] = {}
        self._look_again = 0.0
        self._thread = threading.Thread(target=self._run, name=f"bus-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Sends what is queued, says goodbye, and ends the thread."""
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with self._state:
            self._state.notify_all()

    @property
    def connected(self) -> bool:
        return self._connected

    def wait_connected(self, timeout: float) -> bool:
        """Whether there is a connection within ``timeout`` seconds."""
        with self._state:
            self._state.wait_for(lambda: self._connected or self._stopping, timeout)
            return self._connected

    def on_connect(self, declare: Callable[[Any], None]) -> None:
        """``declare(channel)`` runs on the bus thread, in order of registration, after every connect, before any
        consumer.

        When there is a connection already, it runs on that as well.
        """
        self._on_connect.append(declare)
        if self._link is not None:
            self._post(lambda link: declare(link.admin))

    def on_return(self, callback: Callable[[str], None]) -> None:
        """``callback(message_id)`` for every unconfirmed ``mandatory`` message that reached no queue."""
        self._on_return.append(callback)

    def consume(self, queue: str, callback: Callable[[Delivery], None], *, no_ack: bool = False,
                prefetch: int = 100) -> None:
        """``callback`` runs on the bus thread and must not wait. A queue that is not there is looked for again and
        again.

        One consumer a queue and Bus: a second one takes the place of the first.
        """
        self.cancel(queue)
        consumer = _Consumer(queue, callback, no_ack, prefetch)
        self._consumers[queue] = consumer
        if self._link is not None:
            self._post(lambda link: self._establish(link, consumer))

    def cancel(self, queue: str) -> None:
        """Nothing to do when it is not consumed."""
        consumer = self._consumers.pop(queue, None)
        if consumer is not None and self._link is not None:
            self._post(lambda link: link.cancel(consumer.tag) if consumer.tag else None)

    def publish(self, exchange: str, key: str, body: bytes, *, persistent: bool = False, confirm: bool = False,
                expiration: float | None = None, mandatory: bool = False, message_id: str | None = None,
                timeout: float = 10.0) -> None:
        """Raises Unreachable when there is no connection within ``timeout`` seconds, or the outgoing queue is full.

        With ``confirm`` it returns when the broker has the message, and otherwise raises Unreachable: then the broker
        may or may not have it. ``mandatory`` with ``confirm`` also raises when no queue took it, for which it needs a
        ``message_id``.
        """
        deadline = time.monotonic() + timeout
        until = deadline if confirm else max(deadline, time.monotonic() + HANDOVER)
        publication = Publication(exchange=exchange, key=key, body=body, deadline=until, persistent=persistent,
                                  confirm=confirm, mandatory=mandatory, expiration=expiration, message_id=message_id)
        self._require_connection(deadline)
        if len(self._work) >= QUEUE_LIMIT:
            raise Unreachable("The broker takes no messages: too many are waiting.", REMEDY)
        if not confirm:
            self._post(publication)
            return
        self._refuse_to_block()
        promise: Promise[None] = Promise()
        publication.taken = lambda: promise.resolve(None)
        publication.lost = lambda reason: promise.fail(Unreachable(reason))
        self._post(publication)
        self._wait(promise, deadline, "The broker did not confirm the message in time.")

    def run(self, work: Callable[[Any], T], timeout: float = 10.0) -> T:
        """``work(channel)`` on the bus thread, with a channel for declarations; its result, or what it raised.

        Raises Unreachable without a connection within ``timeout`` seconds.
        """
        if threading.current_thread() is self._thread and self._link is not None:
            return work(self._link.admin)
        deadline = time.monotonic() + timeout
        self._require_connection(deadline)
        promise: Promise[T] = Promise()
        self._post(_Job(work, promise))
        return self._wait(promise, deadline, "The broker did not answer in time.")

    def _wait(self, promise: Promise[T], deadline: float, sentence: str) -> T:
        try:
            return promise.wait(deadline - time.monotonic())
        except TimeoutError:
            raise Unreachable(sentence, REMEDY) from None

    def _require_connection(self, deadline: float) -> None:
        if self._connected:
            return
        if threading.current_thread() is self._thread:
            if self._link is None:
                raise Unreachable("There is no connection to the broker.")
            return
        if not self.wait_connected(deadline - time.monotonic()):
            raise Unreachable(f"There is no connection to the broker at {self.address.host}:{self.address.port}.",
                              "Check that it runs and that this machine reaches it.")

    def _refuse_to_block(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("the bus thread cannot wait for itself")

    def _post(self, work: "_Work | Publication") -> None:
        self._work.append(work)
        self._wake()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # the thread has ended: nobody is left to wake
                self._wake_writer.send(b"\0")

    # The bus thread, from here on.

    def _run(self) -> None:
        while not self._stopping:
            started = time.monotonic()
            try:
                self._live()
            except (OSError, amqp.AMQPError) as error:
                LOG.warning("Bus %s: the connection to %s:%s failed: %s", self.name, self.address.host,
                            self.address.port, str(error) or type(error).__name__)
            except Exception:
                LOG.exception("Bus %s: a defect ended the connection", self.name)
            finally:
                self._fall()
            if time.monotonic() - started > STEADY:
                self._backoff.reset()
            if not self._stopping:
                self._pause(self._backoff.pause())
        self._wake_reader.close()

    def _live(self) -> None:
        try:
            link = links.Link(self.address, self.name, self._set_blocked, self._tell_returned)
        except amqp.AccessRefused:
            self.on_refused()
            raise
        self._link = link
        try:
            self._set_up(link)
            self._turn(link)
        except BaseException:
            self._set_connected(False)  # before anybody is told: who asks again at once must wait for the next one
            link.drop()
            raise
        self._set_connected(False)
        link.close()

    def _set_up(self, link: links.Link) -> None:
        for declare in list(self._on_connect):
            declare(link.admin)
        for consumer in list(self._consumers.values()):
            self._establish(link, consumer)
        LOG.info("Bus %s: connected to %s:%s", self.name, self.address.host, self.address.port)
        self._set_connected(True)

    def _turn(self, link: links.Link) -> None:
        poller = select.poll()
        poller.register(link, select.POLLIN)
        poller.register(self._wake_reader, select.POLLIN)
        due = time.monotonic() + link.tick
        while not self._stopping:
            until = 0.0 if link.has_unseen else min(due, self._look_again or due)
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, until - time.monotonic()) * 1000)}
            if self._wake_reader.fileno() in ready:
                self._sleep_again()
            if link.fileno() in ready or link.has_unseen:
                link.receive()
            self._do_work(link)
            now = time.monotonic()
            if now >= due:
                link.beat()
                due = now + link.tick
            if self._look_again and now >= self._look_again:
                self._look_for_queues(link)
        self._do_work(link)

    def _sleep_again(self) -> None:
        """Before the work is taken: a thread that posts afterwards wakes us anew."""
        self._wake_reader.recv(4096)
        self._woken = False

    def _do_work(self, link: links.Link) -> None:
        while self._work and not self._blocked:
            work = self._work.popleft()
            if not isinstance(work, Publication):
                work(link)
            elif work.deadline >= time.monotonic():
                link.publish(work)
            else:
                work.fail("The broker took no messages in time.")

    def _establish(self, link: links.Link, consumer: _Consumer) -> None:
        if consumer.tag is not None or self._consumers.get(consumer.queue) is not consumer:
            return
        try:
            consumer.tag = link.consume(
                consumer.queue, partial(self._hand_over, consumer), partial(self._lose, consumer),
                partial(self._settle, link), no_ack=consumer.no_ack, prefetch=consumer.prefetch)
        except amqp.NotFound:
            LOG.warning("Bus %s: there is no queue %s yet", self.name, consumer.queue)
            self._lose(consumer)

    def _lose(self, consumer: _Consumer) -> None:
        consumer.tag = None
        self._look_again = self._look_again or time.monotonic() + RETRY_CONSUMER

    def _look_for_queues(self, link: links.Link) -> None:
        self._look_again = 0.0
        for consumer in list(self._consumers.values()):
            if consumer.tag is None:
                self._establish(link, consumer)

    def _hand_over(self, consumer: _Consumer, delivery: Delivery) -> None:
        try:
            consumer.callback(delivery)
        except Exception:
            LOG.exception("Bus %s: a defect lost a message from %s", self.name, consumer.queue)

    def _settle(self, link: links.Link, tag: int, accept: bool, requeue: bool) -> None:
        def tell(current: links.Link) -> None:
            if current is link:
                current.settle(tag, accept, requeue)

        if threading.current_thread() is self._thread:
            tell(link)
        elif self._link is link:
            self._post(tell)

    def _tell_returned(self, message_id: str) -> None:
        for callback in self._on_return:
            callback(message_id)

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        if blocked:
            LOG.warning("Bus %s: the broker takes no messages for now: it is short of memory or disk", self.name)
        else:
            LOG.info("Bus %s: the broker takes messages again", self.name)

    def _set_connected(self, connected: bool) -> None:
        with self._state:
            self._connected = connected
            self._state.notify_all()

    def _fall(self) -> None:
        """The connection is no more: whoever waits for something from it is told."""
        self._link = None
        self._blocked = False
        self._look_again = 0.0
        self._set_connected(False)
        for consumer in list(self._consumers.values()):
            consumer.tag = None
        for _ in range(len(self._work)):  # what is posted meanwhile is meant for the next connection
            work = self._work.popleft()
            if isinstance(work, _Job):
                work.promise.fail(Unreachable("The connection to the broker was lost."))
            elif isinstance(work, Publication):
                self._keep(work)

    def _keep(self, publication: Publication) -> None:
        """What was not sent yet may as well go over the next connection, in time."""
        if self._stopping or publication.deadline < time.monotonic():
            publication.fail("The connection to the broker was lost.")
        else:
            self._work.append(publication)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping and (rest := until - time.monotonic()) > 0:
            if select.select([self._wake_reader], [], [], rest)[0]:
                self._sleep_again()


class _Job:
    """Somebody's ``work`` and the promise of its result."""

    def __init__(self, work: Callable[[Any], Any], promise: Promise[Any]) -> None:
        self._work = work
        self.promise = promise

    def __call__(self, link: links.Link) -> None:
        try:
            self.promise.resolve(self._work(link.admin))
        except (OSError, amqp.ConnectionError):
            self.promise.fail(Unreachable("The connection to the broker was lost."))
            raise
        except Exception as error:  # noqa: BLE001 - raised where the work was asked for
            self.promise.fail(error)
