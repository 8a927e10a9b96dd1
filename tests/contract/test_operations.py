"""Operations over a real broker: ticketed, kept while nobody is there, answered again."""

import threading

import pytest

from common.contract import types as t
from common.errors import Busy, Unreachable
from tests import awaiting
from trove.bus import names

from .conftest import PATIENCE

pytestmark = pytest.mark.server


def test_an_operation_is_answered_with_a_ticket(peers):
    peers.serve()
    ticket = peers.proxy.prepare(operation_id="create.1", deadline=99.0, order=t.Prepare(memory_mb=512))
    assert ticket == t.Ticket(operation_id="create.1", state=t.OperationState.RUNNING)
    request = peers.requests[0]
    assert (request.operation_id, request.timeout) == ("create.1", 99.0)
    assert request.arguments == {"order": t.Prepare(memory_mb=512)}


def test_a_failed_ticket_carries_its_failure(peers):
    failure = t.Failure(code="engine_failed", message="It did not start.", hint="Read its log.")

    def failed(request):
        return t.Ticket(operation_id=request.operation_id, state=t.OperationState.FAILED, failure=failure)

    peers.serve()
    peers.dispatch = failed
    assert peers.proxy.restart(operation_id="restart.1").failure == failure


def test_a_refused_operation_raises(peers):
    def refuse(request):
        raise Busy("A restart is under way.")

    peers.serve()
    peers.dispatch = refuse
    with pytest.raises(Busy):
        peers.proxy.restart(operation_id="restart.2")


def test_an_order_waits_for_an_agent_that_is_not_there_yet(peers):
    """Whatever the incarnation and however long the boot takes: an operation is not stale."""
    ticket = peers.proxy.restart(operation_id="restart.3", patience=0.2)
    assert ticket == t.Ticket(operation_id="restart.3", state=t.OperationState.RUNNING)
    arrived = threading.Event()

    def take(request):
        arrived.set()
        return t.Ticket(operation_id=request.operation_id, state=t.OperationState.RUNNING)

    peers.dispatch = take
    peers.serve(incarnation="born later")
    assert arrived.wait(PATIENCE)
    assert peers.requests[0].operation_id == "restart.3"


def test_an_order_that_was_not_journalled_comes_again(peers):
    """Acknowledged only after dispatch: an agent whose connection dies before that meets the order in its next one."""
    entered, proceed, again = threading.Event(), threading.Event(), threading.Event()

    def slow(request):
        if entered.is_set():
            again.set()
        entered.set()
        proceed.wait(PATIENCE)
        return t.Ticket(operation_id=request.operation_id, state=t.OperationState.RUNNING)

    peers.serve()
    peers.dispatch = slow
    peers.proxy.restart(operation_id="restart.4", patience=0.0)
    assert entered.wait(PATIENCE)
    peers.guest_bus.run(lambda channel: channel.connection.sock.shutdown(2))
    awaiting.until(lambda: not peers.guest_bus.connected, PATIENCE, "the connection is gone")
    proceed.set()
    assert again.wait(PATIENCE)
    assert {request.operation_id for request in peers.requests} == {"restart.4"}


def test_an_order_that_no_queue_takes_is_unreachable(peers):
    peers.bus.run(lambda channel: channel.queue_delete(names.guest_queue(peers.instance_id)))
    with pytest.raises(Unreachable, match="no queue"):
        peers.proxy.restart(operation_id="restart.5")
