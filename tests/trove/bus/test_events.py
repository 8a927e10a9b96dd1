"""Events between the processes of a control plane."""

import queue
from collections.abc import Callable, Iterator

import pytest

from common.openstack.rpc.connection import Bus
from common.openstack.rpc.link import BusAddress
from tests import awaiting
from trove.bus import events, names
from trove.bus.admin import Admin
from trove.bus.events import Events

Received = queue.Queue[tuple[str, dict[str, object]]]


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("operation.7.done", "operation.7.done", True),
        ("operation.7.done", "operation.8.done", False),
        ("operation.*.done", "operation.8.done", True),
        ("operation.*.done", "operation.8.9.done", False),
        ("operation.#", "operation.8.9.done", True),
        ("operation.#", "operation", True),
        ("operation.#", "operations.8", False),
        ("#", "", True),
        ("*", "", False),
        ("#.done", "operation.8.done", True),
        ("#.done", "operation.8.progress", False),
        ("*.8.#", "operation.8", True),
    ],
)
def test_a_pattern_means_what_it_means_to_the_broker(pattern: str, key: str, fits: bool) -> None:
    assert events.matches(pattern, key) is fits


def collector(received: Received) -> Callable[[str, dict[str, object]], None]:
    return lambda key, ids: received.put((key, ids))


@pytest.fixture
def new_events(bus_address: BusAddress) -> Iterator[Callable[[], tuple[Bus, Events]]]:
    buses: list[Bus] = []

    def make() -> tuple[Bus, Events]:
        bus = Bus(bus_address, f"events-test-{len(buses)}")
        buses.append(bus)
        made = Events(bus)
        bus.start()
        assert bus.wait_connected(30)
        return bus, made

    yield make
    for bus in buses:
        bus.stop()


NewEvents = Callable[[], tuple[Bus, Events]]


@pytest.mark.server
def test_an_event_reaches_every_process_that_asked_for_it(new_events: NewEvents) -> None:
    (_, teller), (_, first), (_, second) = new_events(), new_events(), new_events()
    heard, also = Received(), Received()
    first.subscribe("operation.7.done", collector(heard))
    second.subscribe("operation.*.done", collector(also))
    teller.publish("operation.7.done", order="7.prepare")
    teller.publish("operation.8.done", order="8.prepare")
    assert heard.get(timeout=10) == ("operation.7.done", {"order": "7.prepare"})
    assert also.get(timeout=10) == ("operation.7.done", {"order": "7.prepare"})
    assert also.get(timeout=10) == ("operation.8.done", {"order": "8.prepare"})
    assert heard.empty()


@pytest.mark.server
def test_two_patterns_of_one_process_each_hear_once(new_events: NewEvents) -> None:
    _, mine = new_events()
    exact, wide = Received(), Received()
    mine.subscribe("instance.1.hello", collector(exact))
    mine.subscribe("instance.#", collector(wide))
    mine.publish("instance.1.hello")
    mine.publish("instance.1.end")
    assert exact.get(timeout=10)[0] == "instance.1.hello"
    assert [wide.get(timeout=10)[0] for _ in range(2)] == ["instance.1.hello", "instance.1.end"]
    assert exact.empty()


@pytest.mark.server
def test_a_closed_subscription_hears_no_more_and_leaves_the_others(new_events: NewEvents, admin: Admin) -> None:
    _, mine = new_events()
    closed, open_ = Received(), Received()
    with mine.subscribe("taskmanager.nudge", collector(closed)):
        mine.subscribe("taskmanager.nudge", collector(open_))
    mine.publish("taskmanager.nudge")
    assert open_.get(timeout=10)[0] == "taskmanager.nudge"
    assert closed.empty()
    last = mine.subscribe("taskmanager.last", collector(open_))
    assert "taskmanager.last" in {key for _, key in admin.bindings(names.EVENTS_EXCHANGE)}
    last.close()
    assert "taskmanager.last" not in {key for _, key in admin.bindings(names.EVENTS_EXCHANGE)}


@pytest.mark.server
def test_a_subscriber_that_fails_does_not_harm_the_others(new_events: NewEvents) -> None:
    _, mine = new_events()
    heard = Received()

    def fail(key: str, ids: dict[str, object]) -> None:
        raise ZeroDivisionError

    mine.subscribe("x", fail)
    mine.subscribe("x", collector(heard))
    mine.publish("x", n=1)
    assert heard.get(timeout=10) == ("x", {"n": 1})


@pytest.mark.server
def test_after_a_cut_connection_everything_is_heard_again(
    new_events: NewEvents, admin: Admin, bus_address: BusAddress
) -> None:
    (bus, mine), (other, teller) = new_events(), new_events()
    heard = Received()
    mine.subscribe("a.b", collector(heard))
    admin.cut(bus_address.username)
    awaiting.until(lambda: not bus.connected, 30, "the connection is gone")
    awaiting.until(lambda: not other.connected, 30, "the connection is gone")
    assert bus.wait_connected(60)
    assert other.wait_connected(60)
    teller.publish("a.b", n=1)
    assert heard.get(timeout=10) == ("a.b", {"n": 1})


@pytest.mark.server
def test_without_a_broker_publishing_says_so_in_the_log_and_goes_on(
    bus_address: BusAddress, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "PATIENCE", 0.01)
    alone = Events(Bus(bus_address, "never started"))
    alone.publish("lost.event")
    assert "lost.event" in caplog.text
