"""A guest's keys and login replaced: what is valid when, and what a change that is not brought to its end leaves."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from common.errors import HostFailed
from tests.trove.world import World
from trove.db import guests, schema
from trove.db.commands import Asked
from trove.db.guests import Secrets


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.provider.fails.clear()
    shared.guests.mute.clear()
    shared.guests.older.clear()


def serving(world: World) -> str:
    asked = world.create()
    assert world.ended(asked).state == "done"
    return asked.instance_id


def current(world: World, instance_id: str) -> Secrets:
    with world.store.read() as connection:
        return guests.current(connection, world.store.vault, instance_id)


def following(world: World, instance_id: str) -> Secrets | None:
    with world.store.read() as connection:
        return guests.following(connection, world.store.vault, instance_id)


def opening(world: World, instance_id: str) -> list[int]:
    """Epochs of the keys that open the guest's reports."""
    with world.store.read() as connection:
        return list(guests.report_keys(connection, world.store.vault, instance_id))


def retried(world: World, operation_id: str) -> Asked:
    again = world.commands.retry(world.project, operation_id, request_id="req-6")
    return Asked(again.instance_id, again.id)


def test_keys_and_login_are_others_and_the_former_ones_are_gone(world: World) -> None:
    instance_id = serving(world)
    before = current(world, instance_id)
    assert world.ended(world.rotate_keys(instance_id)).state == "done"
    after = current(world, instance_id)
    assert (before.keys.epoch, after.keys.epoch) == (1, 2)
    for one, other in ((before.keys.to_guest, after.keys.to_guest), (before.keys.from_guest, after.keys.from_guest),
                       (before.password, after.password)):
        assert one.reveal() != other.reveal()
    assert following(world, instance_id) is None and opening(world, instance_id) == [2]
    assert world.topology.logins(instance_id) == [2]
    assert world.guests.given(instance_id, "rpc_ping") == {}  # by which the agent drops its former ones
    assert world.ended(world.rotate_keys(instance_id)).state == "done"
    assert current(world, instance_id).keys.epoch == 3


def test_both_keys_are_valid_until_the_agent_reports_under_the_new_ones(world: World) -> None:
    instance_id = serving(world)
    world.guests.mute.add(instance_id)
    asked = world.rotate_keys(instance_id)
    world.until(lambda: world.topology.logins(instance_id) == [2])
    assert opening(world, instance_id) == [1, 2] and world.instance(instance_id).status == "ACTIVE"
    with world.store.read() as connection:
        spoken_to = guests.peer(connection, world.store.vault, instance_id)
        placed = guests.placement(connection, world.store.vault, instance_id)
    assert (spoken_to.epoch, len(spoken_to.also_from), placed.keys.epoch) == (1, 1, 2)
    world.guests.mute.clear()
    world.guests.cut(instance_id, 2)
    assert world.ended(asked).state == "done" and opening(world, instance_id) == [2]


def test_an_agent_that_has_new_keys_is_spoken_to_under_them(world: World) -> None:
    """Also when the change was called off meanwhile; the next one goes on with the same keys."""
    instance_id = serving(world)
    world.guests.mute.add(instance_id)
    asked = world.rotate_keys(instance_id)
    world.until(lambda: world.topology.logins(instance_id) == [2])
    drawn = following(world, instance_id)
    world.commands.cancel(world.project, asked.operation_id, by="anna")
    assert world.ended(asked).state == "cancelled"
    world.guests.mute.clear()
    world.guests.cut(instance_id, 2)
    with world.store.read() as connection:
        assert guests.peer(connection, world.store.vault, instance_id).epoch == 2
    assert world.ended(world.rotate_keys(instance_id)).state == "done"
    after = current(world, instance_id)
    assert drawn is not None and after.keys.to_guest.reveal() == drawn.keys.to_guest.reveal()
    assert after.keys.epoch == 2


def test_keys_that_cannot_be_delivered_leave_what_works(world: World) -> None:
    instance_id = serving(world)
    world.provider.fails["place"] = HostFailed("The disk is full.", "Make room.")
    ended = world.ended(world.rotate_keys(instance_id))
    assert (ended.state, ended.error_message) == ("failed", "The disk is full.")
    assert world.instance(instance_id).status == "ACTIVE" and world.topology.logins(instance_id) == [1, 2]
    world.provider.fails.clear()
    assert world.ended(retried(world, ended.id)).state == "done"


def test_an_agent_that_cannot_is_to_be_upgraded_first(world: World) -> None:
    world.guests.older.add("0" * 64)
    instance_id = serving(world)
    ended = world.ended(world.rotate_keys(instance_id))
    assert ended.state == "failed" and ended.error_code == "too_old"
    assert "speaks version 1.1 of the contract" in (ended.error_message or "")
    assert "trovectl agent upgrade" in (ended.error_hint or "")
    assert following(world, instance_id) is None and world.topology.logins(instance_id) == [1]


def test_a_deletion_takes_both_logins(world: World) -> None:
    instance_id = serving(world)
    world.guests.mute.add(instance_id)
    world.rotate_keys(instance_id)
    world.until(lambda: world.topology.logins(instance_id) == [2])
    assert world.ended(world.delete(instance_id)).state == "done"
    assert not world.topology.exists(instance_id)
    with world.store.read() as connection:
        query = select(schema.instances.c.next_secrets).where(schema.instances.c.id == instance_id)
        assert connection.execute(query).scalar_one() is None
