"""The answering end: ``GuestServer`` in an agent."""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.contract import version
from common.contract.declare import Kind, Method, methods
from common.contract.guest import Guest
from common.contract.types import Failure
from common.contract.version import CONTRACT_VERSION
from common.crypto import Unopened
from common.errors import Internal, Invalid, Stale, TooOld, TroveError, Unreachable
from common.openstack import context
from common.openstack.rpc import envelope, names, sealing
from common.openstack.rpc.connection import Bus, Delivery
from common.openstack.rpc.envelope import Refusal

from .keys import Keys
from .replay import Refused, ReplayGuard

LOG = logging.getLogger(__name__)

REPLY_PATIENCE = 5.0
"""Seconds that an answer waits for a connection; its caller has a deadline of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An order that opened, is meant for this life of the agent, and is of the contract's shape.

    ``arguments`` are typed values by name; ``timeout`` the seconds that are left; ``operation_id`` is empty for a call.
    """

    method: Method
    arguments: dict[str, Any] = field(repr=False)
    context: context.RequestContext
    operation_id: str
    timeout: float


class GuestServer:
    """Takes orders from the guest's queue, one at a time, on a thread of its own.

    ``dispatch(request)`` returns a call's result or an operation's Ticket, or raises a TroveError, which travels
    sealed. A call is acknowledged before it runs: an agent that dies on it does not meet it again. An operation is
    acknowledged when ``dispatch`` has returned, and so must be in the journal by then.
    """

    def __init__(self, bus: Bus, instance_id: str, keys: Keys, incarnation: str,
                 dispatch: Callable[[Request], object], contract: type = Guest) -> None:
        self._bus = bus
        self._instance_id = instance_id
        self._keys = keys
        self._incarnation = incarnation
        self._dispatch = dispatch
        self._methods = methods(contract)
        self._guard = ReplayGuard()
        self._inbox: queue.SimpleQueue[tuple[Delivery, float] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="orders", daemon=True)
        self.refused: Counter[Refusal] = Counter()

    def start(self) -> None:
        self._thread.start()
        self._bus.consume(names.guest_queue(self._instance_id),
                          lambda delivery: self._inbox.put((delivery, time.monotonic())))

    def stop(self, timeout: float = 5.0) -> None:
        """Takes no more orders; returns when the one under way has ended or ``timeout`` seconds are over."""
        self._bus.cancel(names.guest_queue(self._instance_id))
        self._inbox.put(None)
        self._thread.join(timeout)

    def _work(self) -> None:
        while (item := self._inbox.get()) is not None:
            delivery, received = item
            try:
                self._take(delivery, received)
            except Exception:
                LOG.exception("A defect lost an order")
                delivery.ack()

    def _take(self, delivery: Delivery, received: float) -> None:
        try:
            clear = envelope.read(delivery.body, envelope.Request)
        except Invalid:
            self._refuse(None, Refusal.MALFORMED, delivery)
            return
        try:
            request = self._keys.open(clear.args.sealed)
        except Unopened:
            self._refuse(clear, Refusal.UNOPENED, delivery)
            return
        if request.method != clear.method:
            self._refuse(clear, Refusal.MISMATCHED, delivery)
            return
        waited = time.monotonic() - received
        if request.kind is Kind.CALL and waited > request.timeout:
            LOG.debug("A call of %s came too late to be of use", request.method)
            delivery.ack()
            return
        with context.bind(request.context):
            self._serve(clear, request, delivery)

    def _serve(self, clear: envelope.Request, request: sealing.Request, delivery: Delivery) -> None:
        is_call = request.kind is not Kind.OPERATION
        LOG.debug("Asked for %s", request.method)
        if is_call:
            delivery.ack()
        try:
            order = self._order(request)
            value = sealing.pack_value(self._dispatch(order))
            reply = sealing.Reply(message_id=request.message_id, incarnation=self._incarnation, value=value)
        except Refused as refused:
            self._refuse(clear, refused.reason, None)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is answered and the log has the trace
            reply = sealing.Reply(message_id=request.message_id, incarnation=self._incarnation,
                                  failure=_failure(error))
        if not is_call:
            delivery.ack()
        self._answer(clear, envelope.reply(clear.message_id or "", sealing.seal(self._keys.now.from_guest, reply)))

    def _order(self, request: sealing.Request) -> Request:
        """Raises Refused, or the TroveError that is the answer."""
        method = self._methods.get(request.method)
        if method is None or not version.understands(CONTRACT_VERSION, request.version):
            raise TooOld(f"This agent speaks version {CONTRACT_VERSION} of the contract, not {request.method} "
                         f"of version {request.version}.", "Upgrade the guest agent.")
        if request.kind is not method.kind:
            raise Invalid(f"{method.name} is a {method.kind.value}, not a {request.kind.value}.")
        if method.kind is Kind.OPERATION and not request.operation_id:
            raise Invalid(f"{method.name} has no operation id.")
        if method.kind is Kind.CALL:
            self._admit(request)
        arguments = sealing.unpack_arguments(method, request.arguments)
        return Request(method=method, arguments=arguments, context=request.context, operation_id=request.operation_id,
                       timeout=request.timeout)

    def _admit(self, request: sealing.Request) -> None:
        if request.incarnation != self._incarnation:
            raise Stale("The call was meant for an earlier life of this agent.", "Repeat it.")
        self._guard.admit(request.message_id, request.sent_at)

    def _refuse(self, clear: envelope.Request | None, reason: Refusal, delivery: Delivery | None) -> None:
        self.refused[reason] += 1
        LOG.warning("An order was refused: %s", reason.value)
        if delivery is not None:
            delivery.ack()
        if clear is not None and clear.message_id:
            self._answer(clear, envelope.refusal(clear.message_id, reason))

    def _answer(self, clear: envelope.Request, body: bytes) -> None:
        if not clear.reply_queue or not clear.message_id:
            return
        try:
            self._bus.publish(names.reports(self._instance_id), clear.reply_queue, body,
                              timeout=REPLY_PATIENCE)
        except Unreachable as error:
            LOG.warning("An answer to %s could not be sent: %s", clear.method, error)


def _failure(error: Exception) -> Failure:
    """What travels of an error. A defect stays in our log, under the request id, and travels without its text."""
    if isinstance(error, TroveError):
        return Failure(code=error.code, message=error.message, hint=error.hint)
    request_id = context.current().request_id
    LOG.error("A defect in an order", exc_info=error)
    return Failure(code=Internal.code, message="The guest agent has a defect.",
                   hint=f"Its log has the trace under {request_id}." if request_id else "Its log has the trace.")
