"""Reports of a guest over a real broker: written down, put off, refused, and never lost when confirmed."""

import queue
import threading

import pytest

from common.contract import types as t
from common.errors import NotReady, Refused, Unreachable
from tests import awaiting
from tests.keys import drawn
from trove.bus import names, reports
from trove.bus.reports import ConductorServer
from troveguest.bus.client import ConductorClient
from troveguest.bus.keys import Keys

from .conftest import PATIENCE, agent_info

pytestmark = pytest.mark.server

STAMP = t.Stamp(key_epoch=1, boot_count=1, sequence=1)
HEARTBEAT = t.Heartbeat(stamp=STAMP, status=t.ServiceStatus.HEALTHY, sentence="All is well.", sent_at=1.0)


def result(number=1):
    return t.Result(stamp=STAMP, operation_id=f"restart.{number}", state=t.OperationState.DONE)


@pytest.fixture
def written():
    return queue.SimpleQueue()


@pytest.fixture
def conductor(peers, written):
    keys = {peers.instance_id: {1: peers.keys.from_guest}}
    made = ConductorServer(peers.bus, lambda which: keys.get(which, {}), lambda *report: written.put(report))
    made.start()
    yield made
    made.stop()


def test_reports_arrive_with_their_types_under_the_id_of_the_queue(peers, conductor, written):
    conductor.watch(peers.instance_id)
    peers.conductor().heartbeat(heartbeat=HEARTBEAT)
    instance_id, method, arguments = written.get(timeout=PATIENCE)
    assert (instance_id, method.name, arguments) == (peers.instance_id, "heartbeat", {"heartbeat": HEARTBEAT})
    hello = t.Hello(stamp=STAMP, agent=agent_info(peers.instance_id, "x"))
    peers.conductor().hello(hello=hello)
    assert written.get(timeout=PATIENCE)[2] == {"hello": hello}


def test_a_confirmed_report_is_kept_until_a_conductor_watches(peers, conductor, written):
    peers.conductor().result(result=result())
    conductor.watch(peers.instance_id)
    assert written.get(timeout=PATIENCE)[2] == {"result": result()}


def test_an_unwatched_guest_is_left_to_others(peers, conductor, written):
    conductor.watch(peers.instance_id)
    peers.conductor().result(result=result(1))
    written.get(timeout=PATIENCE)
    conductor.unwatch(peers.instance_id)
    peers.conductor().result(result=result(2))
    conductor.watch(peers.instance_id)
    assert written.get(timeout=PATIENCE)[2] == {"result": result(2)}


def test_a_report_under_another_key_is_counted_and_dropped(peers, conductor, written, caplog):
    conductor.watch(peers.instance_id)
    ConductorClient(peers.guest_bus, peers.instance_id, Keys(drawn())).result(result=result(1))
    peers.conductor().result(result=result(2))
    assert written.get(timeout=PATIENCE)[2] == {"result": result(2)}
    assert conductor.dropped == {"unopened": 1}
    assert "restart.1" not in caplog.text


def test_a_reply_cannot_be_passed_off_as_a_report(peers, conductor, written):
    """Both are sealed with the key from the guest."""
    from common.openstack.rpc import envelope, sealing

    reply = sealing.Reply(message_id="1", incarnation="x")
    body = envelope.request("hello", sealing.seal(peers.keys.from_guest, reply), "1.0")
    conductor.watch(peers.instance_id)
    peers.guest_bus.publish(names.reports(peers.instance_id), names.CONDUCTOR_KEY, body, confirm=True)
    peers.conductor().result(result=result(2))
    assert written.get(timeout=PATIENCE)[2] == {"result": result(2)}
    assert conductor.dropped == {"unopened": 1}


def test_what_cannot_be_written_now_is_tried_again_without_holding_up_others(peers, written, monkeypatch):
    monkeypatch.setattr(reports, "FIRST_PAUSE", 0.05)
    failures = iter([NotReady("The database is away."), OSError("disk")])

    def handle(instance_id, method, arguments):
        if method.name == "result" and (failure := next(failures, None)):
            raise failure
        written.put(method.name)

    conductor = ConductorServer(peers.bus, lambda _: {1: peers.keys.from_guest}, handle)
    conductor.start()
    conductor.watch(peers.instance_id)
    peers.conductor().result(result=result())
    peers.conductor().heartbeat(heartbeat=HEARTBEAT)
    assert [written.get(timeout=PATIENCE) for _ in range(2)] == ["heartbeat", "result"]
    conductor.stop()
    assert not conductor.dropped


def test_what_can_never_be_written_is_dropped_once(peers, written):
    def handle(instance_id, method, arguments):
        written.put(method.name)
        if method.name == "result":
            raise Refused("There is no such operation.")

    conductor = ConductorServer(peers.bus, lambda _: {1: peers.keys.from_guest}, handle)
    conductor.start()
    conductor.watch(peers.instance_id)
    peers.conductor().result(result=result())
    peers.conductor().heartbeat(heartbeat=HEARTBEAT)
    assert [written.get(timeout=PATIENCE) for _ in range(2)] == ["result", "heartbeat"]
    conductor.stop()
    assert conductor.dropped == {"refused": 1}


def test_a_report_not_yet_written_outlives_its_conductor(peers, conductor, written, make_bus, bus_address):
    """Acknowledged only after it is written: another conductor gets what the first one held when it died."""
    entered, leave = threading.Event(), threading.Event()

    def stuck(*report):
        entered.set()
        leave.wait(PATIENCE)

    doomed_bus = make_bus(bus_address, "doomed")
    doomed = ConductorServer(doomed_bus, lambda _: {1: peers.keys.from_guest}, stuck)
    doomed.start()
    doomed.watch(peers.instance_id)
    peers.conductor().result(result=result())
    assert entered.wait(PATIENCE)
    conductor.watch(peers.instance_id)
    doomed_bus.stop()
    assert written.get(timeout=PATIENCE)[2] == {"result": result()}
    leave.set()
    doomed.stop()


def test_a_full_queue_is_unreachable_and_takes_again_when_it_is_read(peers, conductor, written):
    name = names.reports(peers.instance_id)

    def shrink(channel):
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, auto_delete=False,
                              arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
        channel.queue_bind(name, name, names.CONDUCTOR_KEY)

    peers.bus.run(shrink)
    client = peers.conductor()
    client.result(result=result(1))
    client.result(result=result(2))
    with pytest.raises(Unreachable, match="full"):
        awaiting.until(lambda: client.result(result=result(3)), PATIENCE, "the queue is full", every=0.0)
    conductor.watch(peers.instance_id)
    taken = [written.get(timeout=PATIENCE)[2]["result"].operation_id for _ in range(2)]
    assert taken == ["restart.1", "restart.2"]
    client.result(result=result(4))


def test_without_a_broker_a_report_is_unreachable_at_once_when_it_need_not_wait(peers, make_bus):
    import dataclasses

    nowhere = make_bus(dataclasses.replace(peers.guest_bus.address, port=1), "nowhere")
    client = ConductorClient(nowhere, peers.instance_id, Keys(peers.keys))
    with pytest.raises(Unreachable, match="no connection"):
        client.heartbeat(heartbeat=HEARTBEAT, timeout=0.0)
