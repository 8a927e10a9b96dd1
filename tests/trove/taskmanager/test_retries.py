"""Failed work that is done again, and work that is called off: what was made is used, and nothing is made twice."""

import pytest

from common.contract import types as t
from common.errors import HostFailed
from tests.trove.world import World
from trove.db.commands import Asked
from trove.taskmanager import create, steps

pytestmark = pytest.mark.slow


@pytest.fixture
def world(shared: World) -> World:
    for misfortune in (shared.guests.fails, shared.guests.mute, shared.guests.slow, shared.provider.fails):
        misfortune.clear()
    return shared


def retry(world: World, failed: Asked) -> Asked:
    again = world.commands.retry(world.project, failed.operation_id, request_id="req-4")
    return Asked(again.instance_id, again.id)


def given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A creation whose guest was too slow, and is still at it."""
    step = create.prepare
    world.guests.slow.add("prepare")
    with monkeypatch.context() as patch:
        patch.setattr(create, step.name, steps.Step(step.name, step.sentence, 0.3, step.body))
        asked = world.create()
        assert world.ended(asked).error_code == "deadline"
    assert world.guests.journal(asked.instance_id) == {f"{asked.operation_id}.prepare": "running"}
    return asked


def test_a_creation_that_failed_early_goes_on_when_its_cause_is_mended(world: World) -> None:
    world.provider.fails["place"] = HostFailed("The volume cannot be mounted.", "Load the loop module.")
    asked = world.create()
    assert world.ended(asked).state == "failed"
    address = world.instance(asked.instance_id).address
    world.provider.fails.clear()
    assert world.ended(retry(world, asked)).state == "done"
    found = world.instance(asked.instance_id)
    assert (found.status, found.fault, found.address) == ("ACTIVE", None, address)


def test_what_the_guest_could_not_make_is_ordered_anew(world: World) -> None:
    world.guests.fails["prepare"] = t.Failure(code="engine_failed", message="User reader cannot be made.", hint="")
    asked = world.create()
    assert world.ended(asked).state == "failed"
    world.guests.fails.clear()
    again = retry(world, asked)
    assert world.ended(again).state == "done"
    assert world.guests.journal(asked.instance_id) == {
        f"{asked.operation_id}.prepare": "failed", f"{again.operation_id}.prepare": "done"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_guest_that_was_given_up_and_ends_well_is_not_asked_twice(
        world: World, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    asked = given_up(world, monkeypatch)
    order_id = f"{asked.operation_id}.prepare"
    if when == "before":
        world.guests.finish(asked.instance_id, "prepare", order_id)
    again = retry(world, asked)
    if when == "after":
        world.until(lambda: world.operation(again).step == "prepare")
        world.guests.finish(asked.instance_id, "prepare", order_id)
    assert world.ended(again).state == "done"
    assert list(world.guests.journal(asked.instance_id)) == [order_id]


def test_a_guest_that_was_given_up_and_fails_is_asked_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = given_up(world, monkeypatch)
    again = retry(world, asked)
    world.until(lambda: world.operation(again).step == "prepare")
    world.guests.slow.clear()
    world.guests.fails["prepare"] = t.Failure(code="deadline", message="The time for prepare is over.", hint="")
    world.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    world.until(lambda: len(world.guests.journal(asked.instance_id)) == 2)
    assert world.ended(again).error_code == "deadline"
    world.guests.fails.clear()
    assert world.ended(retry(world, again)).state == "done"


def test_a_creation_called_off_stops_where_it_is_and_goes_on_when_it_is_retried(world: World) -> None:
    world.guests.slow.add("prepare")
    asked = world.create()
    order_id = f"{asked.operation_id}.prepare"
    world.until(lambda: world.guests.journal(asked.instance_id))
    world.commands.cancel(world.project, asked.operation_id, by="anna")
    assert world.ended(asked).state == "cancelled"
    found = world.instance(asked.instance_id)
    assert found.status == "ERROR" and found.fault is not None and "anna" in found.fault.message
    again = retry(world, asked)
    world.guests.finish(asked.instance_id, "prepare", order_id)
    assert world.ended(again).state == "done"


def test_a_restart_called_off_leaves_an_instance_that_can_be_restarted(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    world.guests.slow.add("restart")
    restart = world.restart(asked.instance_id)
    world.until(lambda: f"{restart.operation_id}.restart" in world.guests.journal(asked.instance_id))
    world.commands.cancel(world.project, restart.operation_id, by="anna")
    assert world.ended(restart).state == "cancelled"
    assert world.instance(asked.instance_id).status == "ACTIVE"
    world.guests.slow.clear()
    assert world.ended(world.restart(asked.instance_id)).state == "done"
