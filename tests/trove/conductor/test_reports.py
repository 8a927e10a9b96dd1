"""What agents report, in whatever order and however often it arrives."""

import itertools
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from common.contract import types as t
from common.openstack import context
from tests.trove.world import World
from trove.conductor.handler import LASTING, Handler
from trove.conductor.service import Conductor
from trove.db import instances, orders
from trove.db.views import Instance, Observed


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def instance_id(world: World) -> str:
    return world.create().instance_id


def stamp(epoch: int, boot: int, sequence: int) -> t.Stamp:
    return t.Stamp(key_epoch=epoch, boot_count=boot, sequence=sequence)


def heartbeat(at: t.Stamp, sentence: str = "All is well.", **facts: object) -> t.Heartbeat:
    facts = {"status": t.ServiceStatus.HEALTHY, "sent_at": time.time(), "server_started_at": 5.0,
             "volume": t.FilesystemStats(total=2**40, used=10, free=2**40 - 10), "root_enabled": False} | facts
    return t.Heartbeat(stamp=at, sentence=sentence, **facts)


def hello(at: t.Stamp, incarnation: str) -> t.Hello:
    return t.Hello(stamp=at, agent=t.AgentInfo(
        instance_id="not looked at", agent_version="2.0", contract_version="1.0", datastore="fake",
        datastore_version="1.0", capabilities=("users", "root"), incarnation=incarnation))


def observed(world: World, instance_id: str) -> Observed:
    found: Instance = world.instance(instance_id)
    return found.observed


def test_a_heartbeat_is_written_down_with_its_time(world: World, instance_id: str) -> None:
    before = time.time()
    world.report(instance_id, "heartbeat", heartbeat(stamp(1, 1, 1)))
    seen = observed(world, instance_id)
    assert (seen.status, seen.sentence, seen.volume_total, seen.volume_used, seen.root_enabled) == (
        t.ServiceStatus.HEALTHY, "All is well.", 2**40, 10, False)
    assert seen.at is not None and before <= seen.at <= time.time()
    assert f"instance.{instance_id}.heartbeat" in world.events.published


STAMPS = [stamp(1, 1, 9), stamp(1, 2, 1), stamp(2, 1, 1)]


@pytest.mark.parametrize("order", list(itertools.permutations(STAMPS)))
def test_the_newest_observation_stands_in_whatever_order(world: World, instance_id: str,
                                                         order: tuple[t.Stamp, ...]) -> None:
    for at in order:
        world.report(instance_id, "heartbeat", heartbeat(at, sentence=repr(at)))
    assert observed(world, instance_id).sentence == repr(stamp(2, 1, 1))


def test_the_same_observation_twice_counts_once(world: World, instance_id: str) -> None:
    for sentence in ("first", "second"):
        world.report(instance_id, "heartbeat", heartbeat(stamp(1, 1, 1), sentence))
    assert observed(world, instance_id).sentence == "first"


def test_a_hello_that_a_heartbeat_overtook_is_heard(world: World, instance_id: str) -> None:
    world.report(instance_id, "heartbeat", heartbeat(stamp(1, 2, 2)))
    world.report(instance_id, "hello", hello(stamp(1, 2, 1), "second"))
    world.report(instance_id, "hello", hello(stamp(1, 1, 1), "first"))
    seen = observed(world, instance_id)
    assert (seen.incarnation, seen.agent_version, seen.contract_version) == ("second", "2.0", "1.0")
    assert seen.capabilities == {"users", "root"}
    assert world.events.published.count(f"instance.{instance_id}.hello") == 1


def hear(world: World, instance_id: str, age: float, *at: float) -> None:
    """Heartbeats that arrive at these times and were sent ``age`` seconds before."""
    times = iter(at)
    handler = Handler(world.store, world.events, lambda: next(times))
    for sequence, now in enumerate(at, 1):
        handler.heartbeat(instance_id, heartbeat(stamp(1, 1, sequence), sent_at=now - age))


def test_a_clock_that_goes_on_differing_is_reported_once(world: World, instance_id: str,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        hear(world, instance_id, 100.0, 1000.0, 1030.0, 1000.0 + LASTING, 1030.0 + LASTING)
    assert observed(world, instance_id).clock_skew == pytest.approx(-100, abs=1)
    assert len([record for record in caplog.records if "NTP" in record.message]) == 1


def test_heartbeats_that_waited_for_the_broker_say_nothing_of_a_clock(world: World, instance_id: str,
                                                                      caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        hear(world, instance_id, 100.0, 1000.0, 1000.5, 1001.0)
    assert not [record for record in caplog.records if "NTP" in record.message]


def ask(world: World, instance_id: str, order_id: str) -> None:
    with world.store.write() as connection:
        orders.ask(connection, order_id, instance_id, "prepare")


def order(world: World, order_id: str) -> orders.Order:
    with world.store.read() as connection:
        return orders.get(connection, order_id)


def test_progress_then_a_result_that_stands(world: World, instance_id: str) -> None:
    ask(world, instance_id, "o.prepare")
    world.report(instance_id, "progress", t.Progress(stamp=stamp(1, 1, 1), operation_id="o.prepare",
                                                     sentence="Half-way.", percent=50.0))
    half = order(world, "o.prepare")
    assert (half.state, half.sentence, half.percent) == (t.OperationState.RUNNING, "Half-way.", 50.0)
    failure = t.Failure(code="engine_failed", message="It broke.", hint="Mend it.")
    for state, why in ((t.OperationState.FAILED, failure), (t.OperationState.DONE, None)):
        world.report(instance_id, "result", t.Result(stamp=stamp(1, 1, 2), operation_id="o.prepare", state=state,
                                                     failure=why))
    ended = order(world, "o.prepare")
    assert ended.state is t.OperationState.FAILED
    assert ended.failure is not None and ended.failure.sentence() == "It broke. Mend it."
    assert world.events.published.count("operation.o.prepare.done") == 2, "it is told again when it comes again"
    world.report(instance_id, "progress", t.Progress(stamp=stamp(1, 1, 3), operation_id="o.prepare", sentence="Late."))
    assert order(world, "o.prepare").state is t.OperationState.FAILED


def test_a_result_is_logged_under_the_request_that_asked_for_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    asked = world.create()
    order_id = f"{asked.operation_id}.prepare"
    ask(world, asked.instance_id, order_id)
    heard: list[str] = []
    caplog.handler.addFilter(lambda record: heard.append(context.current().request_id) or True)
    with caplog.at_level(logging.INFO):
        world.report(asked.instance_id, "result", t.Result(stamp=stamp(1, 1, 1), operation_id=order_id,
                                                           state=t.OperationState.DONE))
    assert heard == ["req-1"]


def test_a_guest_cannot_end_what_was_asked_of_another(world: World, instance_id: str) -> None:
    other = world.create().instance_id
    ask(world, instance_id, "o.prepare")
    world.report(other, "result", t.Result(stamp=stamp(1, 1, 1), operation_id="o.prepare",
                                           state=t.OperationState.DONE))
    assert order(world, "o.prepare").state is None


def test_reports_of_what_is_not_there_change_nothing(world: World) -> None:
    world.report("gone", "heartbeat", heartbeat(stamp(1, 1, 1)))
    world.report("gone", "hello", hello(stamp(1, 1, 1), "x"))
    assert world.events.published == []


class Watched(set[str]):
    """The conductor's end of the bus."""

    watch = set.add
    unwatch = set.discard


def test_every_living_instance_is_watched_and_new_ones_when_announced(world: World, instance_id: str) -> None:
    watched = Watched()
    conductor = Conductor(world.store, world.events, watched)
    conductor.start()
    assert watched == {instance_id}
    world.events.publish("conductor.watch.new", instance_id="new")
    assert watched == {instance_id, "new"}
    world.events.publish(f"conductor.unwatch.{instance_id}", instance_id=instance_id)
    assert watched == {"new"}
    conductor.stop()


def test_one_that_is_announced_during_a_look_round_stays_watched(world: World, instance_id: str,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    conductor = Conductor(world.store, world.events, watched)
    look = instances.living

    def announced_meanwhile(connection: Connection) -> frozenset[str]:
        seen = look(connection)
        world.events.publish("conductor.watch.new", instance_id="new")
        return seen

    monkeypatch.setattr(instances, "living", announced_meanwhile)
    conductor.start()
    conductor.stop()
    assert watched == {instance_id, "new"}
