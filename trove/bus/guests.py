"""The asking end of orders: calls and operations to guests, made from the contract."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import amqp
import msgspec

from common.contract.declare import Kind, Method, methods
from common.contract.guest import Guest
from common.contract.types import OperationState, Ticket
from common.crypto import Key, Unopened
from common.errors import DeadlinePassed, Invalid, Stale, Unreachable
from common.openstack.rpc import envelope, sealing
from common.openstack.rpc.connection import Bus, Delivery
from common.openstack.rpc.promise import Promise
from trove.domain import since
from trove.domain.peers import PeerKeys, check_known

from . import names, replies

LOG = logging.getLogger(__name__)

ANSWER_PATIENCE = 15.0
"""Seconds to wait for an operation's ticket; the order stays in the guest's queue when none comes."""

GONE = "It is not made yet, or already removed."
MOST_STRAYS = 50
"""Replies that are of no use, after which a guest has no way to this queue until it is asked again: it is the queue of
all guests' answers, and a flood would hold up the others'."""

NOTHING_KNOWN = "This says nothing about the database itself, which does not depend on the agent."


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request that waits for its reply."""

    instance_id: str
    keys: tuple[Key, ...]
    message_id: str
    promise: Promise[sealing.Reply]


class GuestClient:
    """Asks guests. Thread-safe; one for a process and bus. Make it before or after the bus starts.

    ``keys`` gives what is known of an instance, at every order; it may read a database, and raises what it likes.
    ``refused`` counts, by reason, replies that were not believed and orders that guests refused in clear.
    """

    def __init__(self, bus: Bus, keys: Callable[[str], PeerKeys], contract: type = Guest) -> None:
        self._bus = bus
        self._keys = keys
        self._methods = methods(contract)
        self._reply_queue = names.new_reply_queue()
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._bound: set[str] = set()
        self._incarnations: dict[str, tuple[str | None, str]] = {}
        self._strays: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        bus.on_connect(self._declare)
        bus.on_return(self._returned)
        bus.consume(self._reply_queue, self._answered, no_ack=True)

    def of(self, instance_id: str) -> "GuestProxy":
        return GuestProxy(self, instance_id, self._methods)

    def forget(self, instance_id: str) -> None:
        """Drops what is remembered of an instance that is no more."""
        with self._lock:
            self._bound.discard(instance_id)
            self._strays.pop(instance_id, None)
            self._incarnations.pop(instance_id, None)

    def call(self, instance_id: str, method: Method, arguments: dict[str, object], deadline: float) -> Any:
        """The result. Raises what the agent raised, DeadlinePassed, Unreachable, TooOld, Unsupported or Invalid."""
        until = time.monotonic() + deadline
        peer = self._keys(instance_id)
        check_known(method, arguments, peer)
        try:
            reply = self._ask(instance_id, peer, method, arguments, until, self._incarnation(instance_id, peer))
        except _Restarted as restarted:
            self._learn(instance_id, peer, restarted.incarnation)
            try:
                reply = self._ask(instance_id, peer, method, arguments, until, restarted.incarnation)
            except _Restarted:
                raise Stale("The guest agent restarts again and again.", "Look at the agent's log.") from None
        return replies.value(method, arguments, reply)

    def operate(self, instance_id: str, method: Method, arguments: dict[str, object], operation_id: str,
                deadline: float, patience: float) -> Ticket:
        """The agent's ticket, or one that says RUNNING when the broker has the order and no answer came in time.

        ``patience`` is that time in seconds. Raises what the agent raised, Unreachable, TooOld or Unsupported.
        """
        peer = self._keys(instance_id)
        check_known(method, arguments, peer)
        until = time.monotonic() + ANSWER_PATIENCE
        self._bind(instance_id, until)
        request = _request(method, arguments, deadline, operation_id=operation_id)
        pending = self._send(instance_id, peer, request, expiration=None, until=until)
        try:
            reply = _judge(pending.promise.wait(patience))
        except TimeoutError:
            return Ticket(operation_id=operation_id, state=OperationState.RUNNING)
        finally:
            self._pending.pop(request.message_id, None)
        return replies.ticket(reply)

    def _ask(self, instance_id: str, peer: PeerKeys, method: Method, arguments: dict[str, object], until: float,
             incarnation: str) -> sealing.Reply:
        self._bind(instance_id, until)
        request = _request(method, arguments, max(0.0, until - time.monotonic()), incarnation=incarnation)
        pending = self._send(instance_id, peer, request, expiration=request.timeout, until=until)
        try:
            return _judge(pending.promise.wait(until - time.monotonic()))
        except TimeoutError:
            raise DeadlinePassed(f"The guest agent did not answer {method.name} in time.", NOTHING_KNOWN) from None
        finally:
            self._pending.pop(request.message_id, None)

    def _send(self, instance_id: str, peer: PeerKeys, request: sealing.Request, *, expiration: float | None,
              until: float) -> _Pending:
        """On its way when this returns; the caller takes it out of ``_pending``. Raises Unreachable."""
        pending = _Pending(instance_id, (peer.from_guest, *peer.also_from), request.message_id, Promise())
        self._pending[request.message_id] = pending
        try:
            body = envelope.request(request.method, sealing.seal(peer.to_guest, request), request.version,
                                    message_id=request.message_id, reply_queue=self._reply_queue)
            operation = request.kind is Kind.OPERATION
            self._bus.publish(names.GUESTS_EXCHANGE, names.guest_queue(instance_id), body, persistent=operation,
                              confirm=operation, mandatory=True, expiration=expiration, message_id=request.message_id,
                              timeout=until - time.monotonic())
        except BaseException:
            self._pending.pop(request.message_id, None)
            raise
        return pending

    def _bind(self, instance_id: str, until: float) -> None:
        """Lets the guest's answers reach us."""
        if instance_id in self._bound:
            return
        try:
            self._bus.run(lambda channel: self._bind_on(channel, instance_id), timeout=until - time.monotonic())
        except amqp.ChannelError:
            raise Unreachable("The broker knows no such guest.", GONE) from None

    def _bind_on(self, channel: Any, instance_id: str) -> None:
        channel.queue_bind(self._reply_queue, names.reports(instance_id), self._reply_queue)
        self._strays.pop(instance_id, None)
        self._bound.add(instance_id)

    def _declare(self, channel: Any) -> None:
        """After every connect. A broker that restarted has lost the queue and its bindings; who waits now needs his
        at once.
        """
        channel.queue_declare(self._reply_queue, durable=False, auto_delete=False, arguments=names.REPLY_ARGUMENTS)
        self._bound.clear()
        for instance_id in {pending.instance_id for pending in list(self._pending.values())}:
            try:
                self._bind_on(channel, instance_id)
            except amqp.ChannelError:
                LOG.debug("Guest %s is gone from the broker", instance_id)

    def _answered(self, delivery: Delivery) -> None:
        """On the bus thread. Believes what opens with the key of the guest that was asked, and nothing else."""
        if len(delivery.body) > names.MOST_BYTES:
            self._stray("oversized", delivery)
            return
        try:
            reply = replies.read(delivery.body)
        except Invalid:
            self._stray("malformed", delivery)
            return
        pending = self._pending.get(reply.message_id)
        if pending is None:
            LOG.debug("A reply from %r came too late", delivery.user_id)
            self._stray("not waited for", delivery)
        elif reply.failure is not None:
            self._refused(pending, reply.failure, delivery)
        else:
            self._open(pending, reply.result or "", delivery)

    def _refused(self, pending: _Pending, failure: str, delivery: Delivery) -> None:
        if names.owner(delivery.user_id) != pending.instance_id:
            self._stray("not asked", delivery)
            return
        self.refused["by the guest"] += 1
        pending.promise.fail(Unreachable(
            f"The guest agent did not take the order: {refusal_sentence(failure)}",
            "Its keys may differ from the control plane's. " + NOTHING_KNOWN))

    def _open(self, pending: _Pending, sealed: str, delivery: Delivery) -> None:
        try:
            reply = replies.open_with(pending.keys, sealed)
        except Unopened:
            self._stray("unopened", delivery)
            return
        if reply.message_id == pending.message_id:
            self._strays.pop(pending.instance_id, None)
            pending.promise.resolve(reply)
        else:
            self._stray("mismatched", delivery)

    def _stray(self, reason: str, delivery: Delivery) -> None:
        """A reply that is of no use; the first of a guest's is told, and one that goes on is cut off."""
        self.refused[reason] += 1
        instance_id = names.speaker(delivery.exchange)
        self._strays[instance_id] += 1
        if reason != "not waited for" and self._strays[instance_id] == 1:
            LOG.warning("A reply of guest %s is not believed: %s", instance_id, reason)
        if self._strays[instance_id] == MOST_STRAYS and instance_id in self._bound:
            self._cut_off(instance_id)

    def _cut_off(self, instance_id: str) -> None:
        self._bound.discard(instance_id)
        LOG.warning("Guest %s answers what nobody asked; it is not listened to until it is asked again", instance_id)
        try:
            self._bus.run(lambda channel: channel.queue_unbind(
                self._reply_queue, names.reports(instance_id), self._reply_queue))
        except amqp.ChannelError:
            LOG.debug("Guest %s is gone from the broker", instance_id)

    def _returned(self, message_id: str) -> None:
        pending = self._pending.get(message_id)
        if pending is not None:
            pending.promise.fail(Unreachable("The guest has no queue on the broker.", GONE))

    def _incarnation(self, instance_id: str, peer: PeerKeys) -> str:
        """What the agent said last: to the conductor, unless that has not changed since it told us otherwise."""
        announced, learned = self._incarnations.get(instance_id, (None, ""))
        return learned if learned and announced == peer.incarnation else peer.incarnation or ""

    def _learn(self, instance_id: str, peer: PeerKeys, incarnation: str) -> None:
        with self._lock:
            self._incarnations[instance_id] = (peer.incarnation, incarnation)


class GuestProxy:
    """One guest, with the contract's methods.

    A call: ``proxy.list_users(page=…)``, optionally with ``deadline`` in seconds. An operation:
    ``proxy.restart(operation_id=…)``, optionally with ``deadline`` and with ``patience``, the seconds to wait for the
    ticket.
    """

    def __init__(self, client: GuestClient, instance_id: str, known: dict[str, Method]) -> None:
        self._client = client
        self._instance_id = instance_id
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = self._known.get(name)
        if method is None:
            raise AttributeError(f"the contract has no {name}")
        return self._operation(method) if method.kind is Kind.OPERATION else self._call(method)

    def _call(self, method: Method) -> Callable[..., Any]:
        def call(*, deadline: float | None = None, **arguments: object) -> Any:
            allowed = method.deadline if deadline is None else deadline
            return self._client.call(self._instance_id, method, arguments, allowed)

        return call

    def _operation(self, method: Method) -> Callable[..., Ticket]:
        def operate(*, operation_id: str, deadline: float | None = None, patience: float = ANSWER_PATIENCE,
                    **arguments: object) -> Ticket:
            allowed = method.deadline if deadline is None else deadline
            return self._client.operate(self._instance_id, method, arguments, operation_id, allowed, patience)

        return operate


class _Restarted(Exception):
    """The agent has another incarnation than the call was meant for."""

    def __init__(self, incarnation: str) -> None:
        super().__init__(incarnation)
        self.incarnation = incarnation


def _request(method: Method, arguments: dict[str, object], timeout: float, *, operation_id: str = "",
             incarnation: str = "") -> sealing.Request:
    return sealing.request(method, arguments, since.needed(method, arguments), timeout=timeout,
                           operation_id=operation_id, incarnation=incarnation)


def _judge(reply: sealing.Reply) -> sealing.Reply:
    """Raises the reply's failure."""
    failure = reply.failure
    if failure is None:
        return reply
    if failure.code == Stale.code:
        raise _Restarted(reply.incarnation)
    raise replies.error(failure)


def refusal_sentence(failure: str) -> str:
    """The sentence of a refusal, or a fixed one for a text that is none of ours: strangers do not write our errors."""
    known = {reason.value for reason in envelope.Refusal}
    try:
        message = msgspec.json.decode(failure, type=dict[str, object]).get("message")
    except msgspec.DecodeError:
        message = None
    return message if isinstance(message, str) and message in known else "The receiver refused the message."
