"""What a person sees of time: deadlines that progress moves on, those that pass, and what is tried again."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from common.contract import types as t
from common.errors import Unreachable
from tests.trove.world import World
from trove.taskmanager import create, steps

pytestmark = pytest.mark.slow


def prepare_with(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    step = create.prepare
    monkeypatch.setattr(create, step.name, steps.Step(step.name, step.sentence, patience, step.body))


def report(world: World, instance_id: str, order_id: str, sentence: str) -> None:
    world.report(instance_id, "progress", t.Progress(
        stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=3), operation_id=order_id, sentence=sentence, percent=40.0))


def test_progress_moves_a_deadline_on_up_to_its_limit(shared: World) -> None:
    asked = shared.create()
    shared.ended(asked)
    step = steps.Step("try", "Tries.", 10.0, lambda work: None, at_most=15.0)
    executor = str(shared.operation(asked).executor_id)
    work = steps.Work(shared.services, asked.operation_id, executor, asked.instance_id, step)
    began = work.deadline - 10.0
    for at, seconds in ((began + 3.0, 13.0), (began - 100.0, 13.0), (began + 9.0, 15.0), (began + 99.0, 15.0)):
        work.get_on("Still tries.", None, at)
        assert work.deadline == pytest.approx(began + seconds, abs=0.1)


def test_a_guest_that_gets_on_has_more_time(shared: World) -> None:
    shared.guests.slow.add("prepare")
    asked = shared.create()
    order_id = f"{asked.operation_id}.prepare"
    shared.until(lambda: shared.guests.journal(asked.instance_id))
    before = shared.operation(asked).deadline
    report(shared, asked.instance_id, order_id, "Unpacks.")
    shared.until(lambda: shared.operation(asked).sentence == "Unpacks.")
    after = shared.operation(asked).deadline
    assert before is not None and after is not None and after > before
    shared.guests.slow.clear()
    shared.guests.finish(asked.instance_id, "prepare", order_id)
    assert shared.ended(asked).state == "done"


def test_a_deadline_that_passes_is_told_with_the_last_sentence(
        shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_with(monkeypatch, 2.0)
    shared.guests.slow.add("prepare")
    asked = shared.create()
    shared.until(lambda: shared.guests.journal(asked.instance_id))
    report(shared, asked.instance_id, f"{asked.operation_id}.prepare", "Unpacks.")
    ended = shared.ended(asked)
    shared.guests.slow.clear()
    assert (ended.state, ended.error_code, ended.deadline) == ("failed", "deadline", None)
    assert (ended.error_message or "").endswith("Time ran out during: Unpacks.")
    assert f"operation.{asked.operation_id}.late" in shared.events.published
    fault = shared.instance(asked.instance_id).fault
    assert fault is not None and "Time ran out during: Unpacks." in fault.message


def test_what_is_tried_again_says_why_and_when(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make, away = shared.topology.create, [True]

    def create_later(instance_id: str, password: object) -> None:
        if away:
            raise Unreachable("The broker is away.", "Start it.")
        make(instance_id, password)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "_FIRST_RETRY", 60.0)
    monkeypatch.setattr(shared.topology, "create", create_later)
    asked = shared.create()
    shared.until(lambda: shared.operation(asked).next_try is not None)
    shown = shared.operation(asked)
    assert (shown.state, shown.step, shown.error_code) == ("running", "place", "unreachable")
    assert (shown.error_message, shown.error_hint) == ("The broker is away.", "Start it.")
    assert shown.next_try is not None and 0 < shown.next_try - time.time() <= 60
    away.clear()
    shared.services.signals.ring(asked.instance_id)
    ended = shared.ended(asked)
    assert (ended.state, ended.error_code, ended.next_try) == ("done", None, None)


def test_time_without_a_broker_does_not_count(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operations, one before its order and one that waits for its guest, outlast an outage longer than both may."""
    ahead = [0.0]
    monkeypatch.setattr(steps, "time", SimpleNamespace(time=lambda: time.time() + ahead[0]))
    monkeypatch.setattr(steps, "LOOK_AGAIN", 0.05)
    shared.guests.slow.add("prepare")
    begun = shared.create()
    shared.until(lambda: shared.guests.journal(begun.instance_id))
    shared.bus.connected = False
    asked = shared.create()
    for each in (begun, asked):
        shared.until(lambda each=each: shared.operation(each).sentence == "Waits for the message broker.")
    ahead[0] = 10 * create.prepare.at_most
    shared.until(lambda: (shared.operation(asked).next_try or 0) > time.time() + create.prepare.at_most)
    waiting = shared.operation(asked)
    assert (waiting.state, waiting.step, waiting.error_code) == ("running", "place", "unreachable")
    assert waiting.deadline is not None and waiting.next_try is not None and waiting.deadline > waiting.next_try
    shared.guests.slow.clear()
    shared.bus.connected = True
    assert shared.ended(asked).state == "done"
    shared.until(lambda: shared.operation(begun).sentence == create.prepare.sentence)
    assert (shared.operation(begun).error_code, shared.operation(begun).next_try) == (None, None)
    shared.guests.finish(begun.instance_id, "prepare", f"{begun.operation_id}.prepare")
    assert shared.ended(begun).state == "done"


class Returning:
    """A connection that is seen to be there from the third look on."""

    def __init__(self) -> None:
        self._looks = 0

    @property
    def connected(self) -> bool:
        self._looks += 1
        return self._looks > 2


def test_a_broker_that_is_back_between_two_looks_is_not_said_to_be_awaited(shared: World) -> None:
    shared.guests.slow.add("prepare")
    asked = shared.create()
    shared.until(lambda: shared.guests.journal(asked.instance_id))
    executor = str(shared.operation(asked).executor_id)
    services = replace(shared.services, bus=Returning())
    work = steps.Work(services, asked.operation_id, executor, asked.instance_id, create.prepare)
    with services.signals.watch(asked.instance_id) as bell:
        bell.ring()
        assert work.sat_out(bell)
        assert shared.operation(asked).sentence == "Waits for the message broker."
        assert not work.sat_out(bell)
    found = shared.operation(asked)
    assert (found.sentence, found.error_code, found.next_try) == (create.prepare.sentence, None, None)
    shared.guests.slow.clear()
    shared.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert shared.ended(asked).state == "done"


def test_what_waits_for_the_broker_can_be_called_off(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOOK_AGAIN", 0.05)
    shared.bus.connected = False
    asked = shared.create()
    shared.until(lambda: shared.operation(asked).sentence == "Waits for the message broker.")
    removal = shared.delete(asked.instance_id)
    assert shared.ended(asked).state == "cancelled"
    shared.until(lambda: shared.operation(removal).step == "close_bus")
    shared.bus.connected = True
    assert shared.ended(removal).state == "done"
