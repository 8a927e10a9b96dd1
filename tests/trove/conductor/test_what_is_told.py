"""What agents report becomes events where a person wants to know: another status, a restart, silence, a refusal."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, update

from common.contract import types as t
from tests.trove.world import World
from trove.conductor.refusals import QUIET, Refusals
from trove.db import events, instances, observations, orders, schema
from trove.domain import drift
from trove.domain.events import EventKind
from trove.domain.states import HEARTBEAT_EXPIRY, Event, Task

STATUS = EventKind.OPERATING_STATUS.value
_sequence = itertools.count(1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def serving(world: World) -> str:
    """An instance whose server was started at 1000 and is HEALTHY."""
    instance_id = world.create().instance_id
    beat(world, instance_id, t.ServiceStatus.HEALTHY, 1000.0)
    with world.store.write() as connection:
        instances.move(connection, instance_id, Task.BUILDING, Event.BUILT)
    return instance_id


def beat(world: World, instance_id: str, status: t.ServiceStatus, started: float | None, *found: t.Drift) -> None:
    stamp = t.Stamp(key_epoch=1, boot_count=1, sequence=next(_sequence))
    world.report(instance_id, "heartbeat", t.Heartbeat(
        stamp=stamp, status=status, sentence=f"It is {status.value}.", sent_at=time.time(), server_started_at=started,
        drift=found))


def hello(world: World, instance_id: str, boot: int, incarnation: str) -> None:
    agent = t.AgentInfo(instance_id=instance_id, agent_version="2.0", contract_version="1.0", datastore="fake",
                        datastore_version="1", capabilities=(), incarnation=incarnation)
    world.report(instance_id, "hello", t.Hello(
        stamp=t.Stamp(key_epoch=1, boot_count=boot, sequence=1), agent=agent))


def told(world: World) -> list[tuple[str, str | None, str | None]]:
    """Kind, from and to of what came after the creation."""
    with world.store.read() as connection:
        found = events.page(connection, world.project, 100).items
    return [(each.kind, each.was, each.became) for each in found if each.kind not in ("operation.asked",
                                                                                      "instance.status")]


def silent_for(world: World, instance_id: str, seconds: float) -> int:
    with world.store.write() as connection:
        connection.execute(update(schema.instances).where(schema.instances.c.id == instance_id)
                           .values(observed_at=time.time() - seconds))
        return observations.note_silence(connection, time.time())


def test_a_server_that_dies_and_is_started_again(world: World, serving: str) -> None:
    beat(world, serving, t.ServiceStatus.RESTARTING, None)
    beat(world, serving, t.ServiceStatus.RUNNING, 2000.0)
    beat(world, serving, t.ServiceStatus.HEALTHY, 2000.0)
    assert told(world) == [(STATUS, "HEALTHY", "RESTARTING"), ("server.restarted", None, None),
                           (STATUS, "RESTARTING", "ACTIVE"), (STATUS, "ACTIVE", "HEALTHY")]


def test_a_restart_between_two_heartbeats_is_seen_all_the_same(world: World, serving: str) -> None:
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.9)
    assert told(world) == [], "the clock was set"
    beat(world, serving, t.ServiceStatus.HEALTHY, 1004.0)
    assert told(world) == [("server.restarted", None, None)]


def test_a_restart_that_was_asked_for_is_not_told_as_another(world: World, serving: str) -> None:
    with world.store.write() as connection:
        orders.ask(connection, "o.restart", serving, "restart")
        orders.note_result(connection, serving, t.Result(
            stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=1), operation_id="o.restart",
            state=t.OperationState.DONE))
    started = time.time() + 0.5
    beat(world, serving, t.ServiceStatus.HEALTHY, started)
    assert told(world) == []
    beat(world, serving, t.ServiceStatus.HEALTHY, started + observations.CLOCK_STEP + 0.5)
    assert told(world) == [("server.restarted", None, None)], "the order explains one start, and not another soon after"


def test_a_start_long_after_an_order_is_not_explained_by_it(world: World, serving: str) -> None:
    with world.store.write() as connection:
        orders.ask(connection, "o.restart", serving, "restart")
        orders.note_result(connection, serving, t.Result(
            stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=1), operation_id="o.restart",
            state=t.OperationState.DONE))
    beat(world, serving, t.ServiceStatus.HEALTHY, time.time() + orders.LEEWAY + 1)
    assert told(world) == [("server.restarted", None, None)]


def test_while_something_is_under_way_there_is_no_operating_status(world: World) -> None:
    instance_id = world.create().instance_id
    beat(world, instance_id, t.ServiceStatus.BUILDING, None)
    beat(world, instance_id, t.ServiceStatus.HEALTHY, 1000.0)
    assert told(world) == []


def test_what_was_changed_behind_our_back_is_told_once(world: World, serving: str) -> None:
    lasting = t.Drift(sentence="The volume is full.", found_at=1.0)
    mended = t.Drift(sentence="The configuration was changed.", repaired=True, found_at=2.0)
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, lasting)
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, lasting, mended)
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, lasting, mended)
    assert told(world) == [("drift.seen", None, None), ("drift.repaired", None, None)]


def test_what_is_found_by_the_agents_next_life_too_is_not_told_again_but_another_repair_is(
    world: World, serving: str
) -> None:
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, t.Drift(sentence="It is full.", found_at=1.0))
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, t.Drift(sentence="It is full.", found_at=9.0))
    assert told(world) == [("drift.seen", None, None)]
    for found_at in (10.0, 20.0):
        beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0,
             t.Drift(sentence="It was changed.", repaired=True, found_at=found_at))
    assert told(world)[1:] == [("drift.repaired", None, None)] * 2


def test_what_went_and_came_again_is_told_again_and_a_flood_is_cut(world: World, serving: str) -> None:
    full = t.Drift(sentence="It is full.", found_at=1.0)
    for findings in ((full,), (), (full,)):
        beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0, *findings)
    assert told(world) == [("drift.seen", None, None)] * 2
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0,
         *(t.Drift(sentence=f"Finding {number}.", found_at=1.0) for number in range(1000)))
    assert len(told(world)) == 2 + drift.MOST


def test_an_old_heartbeat_tells_nothing(world: World, serving: str) -> None:
    old = t.Heartbeat(stamp=t.Stamp(key_epoch=1, boot_count=0, sequence=1), status=t.ServiceStatus.CRASHED,
                      sentence="Old.", sent_at=time.time())
    world.report(serving, "heartbeat", old)
    assert told(world) == []


def test_a_silent_agent_is_told_once_and_again_when_it_is_heard(world: World, serving: str) -> None:
    assert silent_for(world, serving, HEARTBEAT_EXPIRY - 10) == 0
    assert silent_for(world, serving, HEARTBEAT_EXPIRY + 10) == 1
    assert silent_for(world, serving, HEARTBEAT_EXPIRY + 70) == 0
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0)
    assert told(world) == [("agent.lost", None, None), (STATUS, "HEALTHY", "ERROR"),
                           ("agent.appeared", None, None), (STATUS, "ERROR", "HEALTHY")]


def test_the_agent_of_an_instance_that_goes_may_be_silent(world: World, serving: str) -> None:
    world.delete(serving)
    assert silent_for(world, serving, HEARTBEAT_EXPIRY + 10) == 0


def test_each_life_of_an_agent_is_told_once(world: World, serving: str) -> None:
    for boot, incarnation in ((1, "a"), (1, "a"), (2, "b")):
        hello(world, serving, boot, incarnation)
    with world.store.read() as connection:
        sentences = [each.sentence for each in events.page(connection, world.project, 100).items
                     if each.kind == "agent.appeared"]
    assert sentences == ["The agent has started and reports; its version is 2.0.",
                         "The agent has started again and reports; its version is 2.0."]


def test_a_heartbeat_that_tells_nothing_new_is_one_statement(world: World, serving: str) -> None:
    statements: list[str] = []
    event.listen(world.store._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    beat(world, serving, t.ServiceStatus.HEALTHY, 1000.0)
    assert statements[0] == "PRAGMA synchronous = NORMAL", "it does not wait for the disk"
    assert [each.split()[0] for each in statements[1:]] == ["BEGIN", "UPDATE"]


def test_what_tells_something_new_waits_for_the_disk(world: World, serving: str) -> None:
    statements: list[str] = []
    event.listen(world.store._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    beat(world, serving, t.ServiceStatus.RESTARTING, None)
    how = [each for each in statements if each.startswith("PRAGMA")]
    assert how == ["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"]


def test_a_refusal_is_told_once_an_hour(world: World, serving: str) -> None:
    now = [0.0]
    refusals = Refusals(world.store, lambda: now[0])
    for reason in ("unopened", "unopened", "given up", "mismatched"):
        refusals.note(serving, reason)
    refusals.note("nobody's", "unopened")
    assert told(world) == [("guest.refused", None, None)] * 2
    now[0] = QUIET
    refusals.note(serving, "unopened")
    assert len(told(world)) == 3
    world.store.close()


def test_a_refusal_that_cannot_be_written_down_harms_nobody(world: World, serving: str,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError("The store is away.")
    monkeypatch.setattr(world.store, "write", away)
    Refusals(world.store).note(serving, "unopened")
