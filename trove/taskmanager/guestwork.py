"""An order to a guest that takes long: noted, sent, and waited for.

The order is sent again when the guest has been silent about it: asked again with the same id, an agent answers how it
stands.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from common.contract.types import OperationState, Ticket
from common.errors import DeadlinePassed, TroveError, from_code
from common.openstack import log
from trove.db import orders

from .steps import Final, Work

LOG = log.get(__name__)

SILENCE = 60.0
"""Seconds without a word on an order after which it is sent again."""

ANSWER = 5.0
"""Seconds to wait for the guest's ticket: the order is in its queue anyway."""

Send = Callable[[Any, str, float], Ticket]
"""Takes the guest's proxy, the order's id and its deadline in seconds."""


def carry_out(work: Work, method: str, send: Send, order_id: str = "") -> None:
    """Returns when the guest has done it. ``order_id``: of an order that an earlier operation gave.

    Raises Final with what the guest answered, or DeadlinePassed.
    """
    order_id = order_id or own_order(work, method)
    with work.write() as connection:
        orders.ask(connection, order_id, work.instance_id, method)
    late = DeadlinePassed(f"The guest did not finish {method} in time.",
                          "Look at the instance's agent and database logs, or delete it.")
    spoke_at = heard_at = -math.inf
    with work.services.signals.watch(work.instance_id) as bell:
        while (order := _unended(work, order_id)) is not None:
            if order.heard_at is not None and order.heard_at > heard_at:
                heard_at = order.heard_at
                work.get_on(order.sentence, order.percent, heard_at)
            if work.services.bus.connected and time.time() - max(spoke_at, heard_at) > SILENCE:
                if _sent_and_done(work, order_id, send, work.seconds_at_most):
                    return
                spoke_at = time.time() if work.services.bus.connected else -math.inf
            work.pause(bell, late)


def carry_out_once(work: Work, method: str, send: Send) -> None:
    """Like ``carry_out``, for what a guest does once.

    It may be at work, or done, on an order that an earlier operation gave and did not wait for: that one counts unless
    it fails.
    """
    for order_id in _earlier(work, method):
        try:
            carry_out(work, method, send, order_id)
        except Final as failed:
            LOG.info(f"An earlier order failed, too: {failed.error.message}", order=order_id, instance=work.instance_id)
        else:
            return
    carry_out(work, method, send)


def order_ahead(work: Work, method: str, send: Send, seconds: float) -> None:
    """For ``carry_out_once``, to an agent that has said nothing yet: it finds the order in its queue when it begins.

    It has ``seconds`` for it. What keeps the order from being sent now keeps it until then. Raises Final with what the
    guest answered.
    """
    if not work.services.bus.connected or _earlier(work, method):
        return
    order_id = own_order(work, method)
    with work.write() as connection:
        orders.ask(connection, order_id, work.instance_id, method)
    if _unended(work, order_id) is not None:
        _sent_and_done(work, order_id, send, seconds)


def own_order(work: Work, method: str) -> str:
    """The id of the order that this operation gives."""
    return f"{work.operation_id}.{method}"


def _earlier(work: Work, method: str) -> tuple[str, ...]:
    with work.services.store.read() as connection:
        return orders.unfailed(connection, work.instance_id, method, but=own_order(work, method))


def _unended(work: Work, order_id: str) -> orders.Order | None:
    """How it stands; None when the guest has done it. Raises Final with the guest's failure."""
    with work.services.store.read() as connection:
        order = orders.get(connection, order_id)
    if order.failure is not None:
        raise Final(order.failure)
    return None if order.state is OperationState.DONE else order


def _sent_and_done(work: Work, order_id: str, send: Send, seconds: float) -> bool:
    """Whether the guest answers that it is done already. Raises Final with the failure that it answers with.

    A guest that cannot be reached now may well have the order: it waits in the guest's queue.
    """
    try:
        ticket = send(work.services.guests.of(work.instance_id), order_id, seconds)
    except TroveError as error:
        if not error.retryable:
            raise
        work.note_failure(error, SILENCE)
        LOG.info(f"An order has no answer yet: {error.message}", order=order_id, instance=work.instance_id)
        return False
    if ticket.failure is not None:
        raise Final(from_code(ticket.failure.code, ticket.failure.message, ticket.failure.hint))
    return ticket.state is OperationState.DONE
