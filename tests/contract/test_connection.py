"""The connection breaks in every way it can, and comes back with everything that hung on it."""

import dataclasses
import queue
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.contract import types as t
from common.errors import Unreachable
from common.openstack.rpc.connection import Backoff, Bus
from common.secret import Secret
from tests import awaiting
from trove.bus import names

from .conftest import PATIENCE

pytestmark = pytest.mark.server


def break_off(bus):
    """Ends the TCP connection under the bus."""
    bus.run(lambda channel: channel.connection.sock.shutdown(socket.SHUT_RDWR))
    awaiting.until(lambda: not bus.connected, PATIENCE, "the connection is gone")


@pytest.mark.parametrize("side", ["bus", "guest_bus"])
def test_calls_go_on_after_either_connection_broke(peers, side):
    peers.serve()
    assert peers.proxy.is_root_enabled() is True
    break_off(getattr(peers, side))
    assert peers.proxy.is_root_enabled(deadline=PATIENCE) is True


def test_a_call_under_way_is_answered_over_the_next_connection(peers):
    entered, proceed = threading.Event(), threading.Event()
    answers = queue.SimpleQueue()

    def slow(request):
        entered.set()
        assert proceed.wait(PATIENCE)
        return True

    peers.serve()
    peers.dispatch = slow
    caller = threading.Thread(target=lambda: answers.put(peers.proxy.is_root_enabled(deadline=PATIENCE)))
    caller.start()
    assert entered.wait(PATIENCE)
    break_off(peers.guest_bus)
    break_off(peers.bus)
    assert peers.bus.wait_connected(PATIENCE)
    proceed.set()
    assert answers.get(timeout=PATIENCE) is True
    caller.join(PATIENCE)


def test_declarations_run_again_in_order_on_every_connection(make_bus, bus_address):
    bus = Bus(bus_address, "declaring")
    seen, twice = [], threading.Event()

    def second(channel):
        seen.append("second")
        if len(seen) == 4:
            twice.set()

    bus.on_connect(lambda channel: seen.append("first"))
    bus.on_connect(second)
    bus.start()
    assert bus.wait_connected(PATIENCE)
    break_off(bus)
    assert twice.wait(PATIENCE)
    assert seen == ["first", "second"] * 2
    bus.stop()


def test_a_publication_under_way_fails_when_the_connection_breaks(peers):
    """It may have arrived or not; who sent it decides whether to send it again."""
    blocked, proceed = threading.Event(), threading.Event()

    def hold(channel):
        blocked.set()
        proceed.wait(PATIENCE)
        channel.connection.sock.shutdown(socket.SHUT_RDWR)

    def publish():
        peers.bus.publish(names.GUESTS_EXCHANGE, "nowhere", b"{}", confirm=True, timeout=PATIENCE)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(peers.bus.run, hold, PATIENCE)
        assert blocked.wait(PATIENCE)
        publishing = pool.submit(publish)
        awaiting.until(lambda: len(peers.bus._work) > 0, PATIENCE, "the publication is queued")
        proceed.set()
        assert isinstance(publishing.exception(PATIENCE), Unreachable)
        assert holding.exception(PATIENCE) is None


def test_what_was_not_sent_yet_goes_over_the_next_connection(make_bus, bus_address):
    bus = make_bus(bus_address, "patient")
    name, received = names.new_reply_queue(), queue.SimpleQueue()
    bus.on_connect(lambda channel: channel.queue_declare(name, auto_delete=False, arguments=names.REPLY_ARGUMENTS))
    bus.consume(name, received.put, no_ack=True)
    blocked, proceed = threading.Event(), threading.Event()

    def hold(channel):
        blocked.set()
        proceed.wait(PATIENCE)
        raise OSError("the connection breaks")

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(bus.run, hold, PATIENCE)
        assert blocked.wait(PATIENCE)
        bus.publish("", name, b"kept", timeout=PATIENCE)
        proceed.set()
        assert isinstance(holding.exception(PATIENCE), Unreachable)
    assert received.get(timeout=PATIENCE).body == b"kept"


def test_publishing_to_an_exchange_that_is_not_there_costs_the_connection_and_not_the_service(peers):
    """The broker closes a channel for that, after the fact; everything is made anew in a known state."""
    peers.serve()
    assert peers.proxy.is_root_enabled() is True
    with pytest.raises(Unreachable):
        peers.bus.publish("no.such.exchange", "key", b"{}", confirm=True)
    assert peers.proxy.is_root_enabled(deadline=PATIENCE) is True


def test_a_guest_can_neither_declare_nor_write_to_others(peers, new_guest):
    import amqp

    with pytest.raises(amqp.AccessRefused):
        peers.guest_bus.run(lambda channel: channel.queue_declare("mine"))
    other = new_guest()
    for exchange in (names.reports(other.instance_id), names.GUESTS_EXCHANGE, ""):
        with pytest.raises(Unreachable):
            peers.guest_bus.publish(exchange, names.CONDUCTOR_KEY, b"{}", confirm=True)
        assert peers.guest_bus.wait_connected(PATIENCE)


def test_a_queue_that_comes_later_is_consumed(make_bus, bus_address, monkeypatch):
    from common.openstack.rpc import connection

    monkeypatch.setattr(connection, "RETRY_CONSUMER", 0.1)
    bus = make_bus(bus_address, "early")
    received = queue.SimpleQueue()
    name = names.new_reply_queue()
    bus.consume(name, received.put, no_ack=True)
    bus.run(lambda channel: channel.queue_declare(name, auto_delete=False, arguments=names.REPLY_ARGUMENTS))
    bus.publish("", name, b"hello", confirm=True)
    assert received.get(timeout=PATIENCE).body == b"hello"
    bus.run(lambda channel: channel.queue_delete(name))
    bus.run(lambda channel: channel.queue_declare(name, auto_delete=False, arguments=names.REPLY_ARGUMENTS))
    bus.publish("", name, b"again", confirm=True)
    assert received.get(timeout=PATIENCE).body == b"again"


def test_a_large_message_comes_whole(make_bus, bus_address):
    """Larger than a frame, a TLS record and a read."""
    bus = make_bus(bus_address, "large")
    received = queue.SimpleQueue()
    name = names.new_reply_queue()
    bus.run(lambda channel: channel.queue_declare(name, auto_delete=False, arguments=names.REPLY_ARGUMENTS))
    bus.consume(name, received.put, no_ack=True)
    body = bytes(range(256)) * 4096
    bus.publish("", name, body, confirm=True)
    bus.publish("", name, b"small", confirm=True)
    assert [received.get(timeout=PATIENCE).body for _ in range(2)] == [body, b"small"]


def test_a_defect_in_a_callback_ends_neither_thread_nor_connection(make_bus, bus_address, caplog):
    bus = make_bus(bus_address, "defective")
    received = queue.SimpleQueue()
    name = names.new_reply_queue()

    def callback(delivery):
        if delivery.body == b"bad":
            raise KeyError("a defect")
        received.put(delivery.body)

    bus.run(lambda channel: channel.queue_declare(name, auto_delete=False, arguments=names.REPLY_ARGUMENTS))
    bus.consume(name, callback, no_ack=True)
    bus.publish("", name, b"bad", confirm=True)
    bus.publish("", name, b"good", confirm=True)
    assert received.get(timeout=PATIENCE) == b"good"
    assert "a defect lost a message" in caplog.text


def test_the_bus_thread_refuses_to_wait_for_itself(make_bus, bus_address):
    bus = make_bus(bus_address, "selfish")
    with pytest.raises(RuntimeError, match="itself"):
        bus.run(lambda channel: bus.publish("", "nowhere", b"", confirm=True))


@pytest.mark.parametrize("change", [
    {"password": Secret("wrong")}, {"ca_file": ""}, {"server_name": "somebody.else"}, {"port": 1},
])
def test_a_broker_that_is_not_ours_or_not_there_is_never_used(bus_address, change):
    """Wrong password, no TLS, a certificate for another name, nobody there: no connection, and a clean end."""
    bus = Bus(dataclasses.replace(bus_address, **change), "stranger")
    bus.start()
    with pytest.raises(Unreachable, match="no connection"):
        bus.publish("", "nowhere", b"", timeout=1.0)
    bus.stop()
    assert not bus._thread.is_alive()


def test_another_authority_is_not_believed(bus_address, tmp_path):
    from trove.standalone.authority import Authority

    other = Authority(tmp_path / "ca")
    other.ensure()
    bus = Bus(dataclasses.replace(bus_address, ca_file=str(other.certificate)), "misled")
    bus.start()
    assert not bus.wait_connected(1.0)
    bus.stop()


def test_pauses_grow_and_differ():
    backoff = Backoff(first=1.0, longest=8.0)
    pauses = [backoff.pause() for _ in range(8)]
    for pause, whole in zip(pauses, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert whole / 2 <= pause <= whole
    assert len(set(pauses[4:])) > 1
    backoff.reset()
    assert backoff.pause() <= 1.0


@pytest.mark.long
def test_everything_comes_back_after_the_broker_restarted(peers, broker):
    """Transient queues and bindings are gone, durable ones with their messages are there."""
    peers.serve()
    assert peers.proxy.is_root_enabled() is True
    broker.stop()
    awaiting.until(lambda: not peers.bus.connected, PATIENCE, "the connection is gone")
    awaiting.until(lambda: not peers.guest_bus.connected, PATIENCE, "the connection is gone")
    with pytest.raises(Unreachable):
        peers.proxy.is_root_enabled(deadline=0.1)
    broker.start()
    assert peers.bus.wait_connected(60.0)
    assert peers.guest_bus.wait_connected(60.0)
    assert peers.proxy.is_root_enabled() is True
    ticket = peers.proxy.restart(operation_id="restart.1")
    assert ticket.state is t.OperationState.RUNNING
