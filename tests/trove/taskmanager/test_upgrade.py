"""Upgrades of agents over fakes: what is pinned, what is told, and that an instance is none the worse for a failure."""

import uuid

import pytest

from common.contract import types as t
from common.errors import Conflict, NotFound
from tests.trove.world import World
from trove.db import instances
from trove.db.commands import Asked
from trove.providers.fake import PRESENT

NEW = "a" * 64


@pytest.fixture
def world(shared: World) -> World:
    """A new project in the shared world, where nothing fails yet."""
    shared.project = f"project-{uuid.uuid4()}"
    for misfortune in (shared.guests.fails, shared.guests.mute, shared.guests.slow, shared.guests.older,
                       shared.provider.fails):
        misfortune.clear()
    return shared


@pytest.fixture
def instance(world: World) -> str:
    asked = world.create()
    assert world.ended(asked).state == "done"
    return asked.instance_id


def upgrade(world: World, instance: str, release: str | None = NEW) -> Asked:
    return world.commands.upgrade_agent(world.project, instance, release, request_id="req-4")


def test_an_instance_is_pinned_to_the_release_that_it_was_placed_with(world: World, instance: str) -> None:
    assert world.instance(instance).release == PRESENT == world.instance(instance).observed.agent_release


def test_another_release_is_delivered_ordered_awaited_and_pinned(world: World, instance: str) -> None:
    asked = upgrade(world, instance)
    ended = world.ended(asked)
    assert (ended.state, ended.release, ended.error_message) == ("done", NEW, None)
    found = world.instance(instance)
    assert found.release == NEW == found.observed.agent_release
    assert (found.status, found.fault) == ("ACTIVE", None)
    assert world.guests.journal(instance)[f"{asked.operation_id}.upgrade"] == "done"
    with world.store.read() as connection:
        assert NEW in instances.pinned(connection)


def test_without_a_name_it_is_the_one_that_new_instances_get(world: World, instance: str) -> None:
    world.ended(upgrade(world, instance))
    assert world.ended(upgrade(world, instance, None)).release == PRESENT
    assert world.instance(instance).release == PRESENT


def test_the_release_that_runs_is_ordered_of_nobody(world: World, instance: str) -> None:
    asked = upgrade(world, instance, PRESENT)
    assert world.ended(asked).state == "done"
    assert f"{asked.operation_id}.upgrade" not in world.guests.journal(instance)


def test_what_the_agent_says_is_the_reason_and_the_instance_is_well(world: World, instance: str) -> None:
    world.guests.fails["upgrade"] = t.Failure(code="host_failed", message="It did not report and ended after 1 s.")
    ended = world.ended(upgrade(world, instance))
    assert (ended.state, ended.error_code) == ("failed", "host_failed")
    assert ended.error_message == "It did not report and ended after 1 s."
    found = world.instance(instance)
    assert (found.status, found.fault, found.release) == ("ACTIVE", None, PRESENT)
    world.guests.fails.clear()
    again = world.commands.retry(world.project, ended.id, request_id="req-5")
    assert world.ended(Asked(instance, again.id)).state == "done"
    assert world.instance(instance).release == NEW


def test_a_release_that_is_not_there_is_told_before_anything_happens(world: World, instance: str) -> None:
    world.provider.fails["deliver"] = NotFound("There is no such release here.")
    asked = upgrade(world, instance)
    assert world.ended(asked).error_message == "There is no such release here."
    assert f"{asked.operation_id}.upgrade" not in world.guests.journal(instance)


def test_an_agent_that_is_too_old_is_restarted_under_the_new_release(world: World) -> None:
    world.guests.older.add(PRESENT)
    asked = world.create()
    world.ended(asked)
    assert world.instance(asked.instance_id).observed.contract_version == "1.1"
    upgraded = upgrade(world, asked.instance_id)
    assert world.ended(upgraded).state == "done"
    assert f"{upgraded.operation_id}.upgrade" not in world.guests.journal(asked.instance_id), "it knows no such order"
    found = world.instance(asked.instance_id)
    assert found.release == NEW == found.observed.agent_release


def test_one_thing_at_a_time(world: World, instance: str) -> None:
    world.guests.slow.add("upgrade")
    asked = upgrade(world, instance)
    world.until(lambda: f"{asked.operation_id}.upgrade" in world.guests.journal(instance))
    assert world.instance(instance).status == "ACTIVE"
    with pytest.raises(Conflict, match="gets another agent"):
        world.restart(instance)
    with pytest.raises(Conflict, match="cannot be upgraded"):
        upgrade(world, instance)
    assert world.ended(world.delete(instance)).state == "done"
    assert world.operation(asked).state == "cancelled"
