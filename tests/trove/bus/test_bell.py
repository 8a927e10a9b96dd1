"""The bell: nobody misses a ring, whoever rings is not kept, and other processes hear it too."""

import threading
import time

from trove.bus.bell import KEY, Bell, Relay
from trove.bus.fake import FakeEvents


def test_a_ring_between_the_look_and_the_waiting_is_heard() -> None:
    bell = Bell()
    heard = bell.rings
    bell.ring()
    assert bell.wait(heard, 60) is True


def test_patience_ends_and_closing_ends_every_wait() -> None:
    bell = Bell()
    assert bell.wait(bell.rings, 0.01) is False
    waiting = threading.Thread(target=bell.wait, args=(0, 60))
    waiting.start()
    bell.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert bell.wait(0, 60) is False


def test_other_processes_hear_it_and_not_twice_here() -> None:
    bus, own, other = FakeEvents(), Bell(), Bell()
    relays = [Relay(own, bus, pause=0.01), Relay(other, bus, pause=0.01)]
    for relay in relays:
        relay.start()
    relays[0].ring()
    assert other.wait(0, 10)
    assert (own.rings, other.rings) == (1, 1)
    for relay in relays:
        relay.stop()


def test_who_rings_is_not_kept_by_a_bus_that_is_away_and_many_rings_are_one_message() -> None:
    away = threading.Event()

    class Slow(FakeEvents):
        def publish(self, key: str, **ids: object) -> None:
            away.wait(10)
            super().publish(key, **ids)

    bus, bell = Slow(), Bell()
    relay = Relay(bell, bus, pause=0.05)
    relay.start()
    began = time.monotonic()
    for _ in range(100):
        relay.ring()
    assert time.monotonic() - began < 5 and bell.rings == 100
    away.set()
    relay.stop()
    assert bus.published.count(KEY) <= 2
