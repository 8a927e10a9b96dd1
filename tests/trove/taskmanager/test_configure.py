"""Changes of settings over fakes: what a guest is given, what the instance shows, and that no change is lost."""

import uuid

import pytest

from common.contract import types as t
from common.errors import Invalid, NotFound, Refused
from tests.trove.world import World
from trove.db import catalog, configurations
from trove.db.commands import Asked
from trove.db.views import Event, Operation, Scope

STATIC = "innodb_log_buffer_size"


@pytest.fixture
def world(shared: World) -> World:
    """A new project in the shared world, where nothing fails yet."""
    shared.project = f"project-{uuid.uuid4()}"
    for misfortune in (shared.guests.fails, shared.guests.mute, shared.guests.slow, shared.guests.older,
                       shared.guests.settings):
        misfortune.clear()
    with shared.store.write() as connection:
        catalog.seed(connection, {"fake": "1.0", "mariadb": "10.11"})
    return shared


def instance(world: World, **changes: object) -> str:
    asked = world.create(datastore="mariadb", **changes)
    assert world.ended(asked).state == "done"
    return asked.instance_id


def group(world: World, values: dict[str, object] | None = None) -> str:
    made = world.commands.settings.create(world.project, "many", None, values or {"max_connections": 200},
                                          datastore="mariadb", version=None, number=None)
    assert made is not None
    return made.id


def attach(world: World, instance_id: str, group_id: str) -> Operation:
    world.commands.settings.attach(world.project, instance_id, group_id, request_id="req-6")
    return ended(world, instance_id)


def change(world: World, group_id: str, values: dict[str, object], *, merge: bool = False) -> None:
    world.commands.settings.change(world.project, group_id, values, merge=merge, request_id="req-7")


def ended(world: World, instance_id: str) -> Operation:
    """The newest change of its settings, when it has ended."""
    found = world.commands.list_operations(Scope.EVERY_PROJECT, instance_id)
    newest = next(each for each in found if each.kind == "configure")
    return world.ended(Asked(instance_id, newest.id))


def given(world: World, instance_id: str) -> dict[str, object] | None:
    return world.guests.given(instance_id, "update_overrides")


def standings(world: World, group_id: str) -> dict[str, str]:
    found = world.commands.settings.instances(world.project, group_id, 100, None).items
    return {each.id: each.standing.value for each in found}


def in_force(world: World, group_id: str, *ids: str) -> None:
    world.until(lambda: standings(world, group_id) == dict.fromkeys(ids, "in_force"))


def configured(world: World, instance_id: str) -> dict[str, str]:
    with world.store.read() as connection:
        return configurations.configured(connection, instance_id)


def told(world: World, instance_id: str) -> list[Event]:
    found = world.commands.page_events(world.project, instance_id=instance_id).items
    return [each for each in found if each.kind == "instance.status"]


def test_a_guest_is_given_the_whole_group(world: World) -> None:
    one = instance(world)
    assert attach(world, one, group(world, {"max_connections": "200", STATIC: "32M"})).state == "done"
    wanted = {"max_connections": "200", STATIC: str(32 << 20)}
    assert given(world, one) == {"overrides": wanted, "live": ["max_connections"], "repair": False}
    assert configured(world, one) == wanted


def test_what_a_group_has_no_more_goes_back_while_the_server_runs(world: World) -> None:
    one, many = instance(world), group(world, {"max_connections": 200, "wait_timeout": 60})
    attach(world, one, many)
    change(world, many, {"wait_timeout": 90})
    ended(world, one)
    assert given(world, one) == {"overrides": {"wait_timeout": "90"}, "live": ["max_connections", "wait_timeout"],
                                 "repair": False}
    world.commands.settings.detach(world.project, one, request_id="req-8")
    ended(world, one)
    assert given(world, one) == {"overrides": {}, "live": ["wait_timeout"], "repair": False}
    assert world.instance(one).configuration is None


def test_each_instance_has_an_operation_and_one_that_fails_says_so(world: World) -> None:
    one, two, many = instance(world), instance(world), group(world)
    attach(world, one, many)
    attach(world, two, many)
    world.guests.fails["update_overrides"] = t.Failure(
        code="engine_failed", message="The server did not take every setting.", hint="Choose other values.")
    change(world, many, {"max_connections": 300})
    for each in (one, two):
        assert (ended(world, each).state, ended(world, each).error_message) == (
            "failed", "The server did not take every setting.")
        assert (world.instance(each).status, world.instance(each).fault) == ("ACTIVE", None), "the server goes on"
        assert configured(world, each) == {"max_connections": "200"}, "the next plan begins with what it has"
    world.guests.fails.clear()
    change(world, many, {"max_connections": 310})
    assert ended(world, one).state == ended(world, two).state == "done"
    assert given(world, one) == {"overrides": {"max_connections": "310"}, "live": ["max_connections"], "repair": False}


def test_a_busy_instance_gets_the_change_of_its_group_afterwards(world: World) -> None:
    one, two, many = instance(world), instance(world), group(world)
    attach(world, one, many)
    attach(world, two, many)
    world.guests.slow.add("restart")
    busy = world.restart(two)
    world.until(lambda: f"{busy.operation_id}.restart" in world.guests.journal(two))
    change(world, many, {"max_connections": 300})
    assert ended(world, one).state == "done"
    assert standings(world, many) == {one: "in_force", two: "pending"}
    assert configured(world, two) == {"max_connections": "200"}
    world.guests.finish(two, "restart", f"{busy.operation_id}.restart")
    assert world.ended(busy).state == "done"
    in_force(world, many, one, two)
    assert configured(world, two) == {"max_connections": "300"} and ended(world, two).request_id == "req-7"


def test_changes_in_quick_succession_are_all_taken(world: World) -> None:
    """One that comes while an instance gets the one before it, too."""
    one, many = instance(world), group(world)
    attach(world, one, many)
    for number in range(300, 306):
        change(world, many, {"max_connections": number})
    in_force(world, many, one)
    assert configured(world, one) == {"max_connections": "305"}


def test_an_instance_that_was_not_created_gets_the_change_when_it_is(world: World) -> None:
    many = group(world)
    world.guests.fails["prepare"] = t.Failure(code="host_failed", message="No.", hint="")
    failed = world.create(datastore="mariadb", configuration=many)
    assert world.ended(failed).state == "failed"
    change(world, many, {"max_connections": 300})
    assert standings(world, many) == {failed.instance_id: "pending"}
    world.guests.fails.clear()
    again = world.commands.retry(world.project, failed.operation_id, request_id="req-8")
    assert world.ended(Asked(failed.instance_id, again.id)).state == "done"
    in_force(world, many, failed.instance_id)
    assert configured(world, failed.instance_id) == {"max_connections": "300"}


def test_what_an_instance_does_not_take_is_different_there(world: World) -> None:
    one, many = instance(world), group(world)
    attach(world, one, many)
    world.guests.fails["update_overrides"] = t.Failure(code="engine_failed", message="No.", hint="")
    change(world, many, {"max_connections": 300})
    assert ended(world, one).state == "failed" and standings(world, many) == {one: "different"}


def test_an_instance_that_is_deleted_meanwhile_is_called_off(world: World) -> None:
    one, many = instance(world), group(world)
    world.guests.mute.add(one)
    world.commands.settings.attach(world.project, one, many, request_id="req-6")
    under_way = next(each for each in world.commands.list_operations(world.project, one) if each.kind == "configure")
    assert world.ended(world.delete(one)).state == "done"
    assert world.operation(Asked(one, under_way.id)).state == "cancelled"
    world.commands.settings.delete(world.project, many)


def test_what_is_attached_is_not_deleted_and_one_instance_has_one_group(world: World) -> None:
    one, many = instance(world), group(world)
    attach(world, one, many)
    with pytest.raises(Refused, match="1 instances have"):
        world.commands.settings.delete(world.project, many)
    with pytest.raises(Refused, match="already"):
        world.commands.settings.attach(world.project, one, group(world), request_id="req-9")


def test_a_group_of_another_project_is_of_nobody_to_an_administrator_too(world: World) -> None:
    many = group(world)
    world.project = f"project-{uuid.uuid4()}"
    one = instance(world)
    with pytest.raises(NotFound, match="Configuration"):
        world.commands.settings.attach(Scope.EVERY_PROJECT, one, many, request_id="req-9")


def test_another_version_has_other_groups(world: World) -> None:
    asked = world.create(datastore="fake")
    world.ended(asked)
    with pytest.raises(Invalid, match="another version"):
        world.commands.settings.attach(world.project, asked.instance_id, group(world), request_id="req-9")


def test_an_instance_begins_with_its_group(world: World) -> None:
    many = group(world)
    one = instance(world, configuration=many)
    assert (configured(world, one), given(world, one)) == ({"max_connections": "200"}, None), "its first order had it"
    assert world.instance(one).configuration is not None


def test_what_waits_for_a_restart_is_told_whenever_the_agent_says_it(world: World) -> None:
    """Before or after the end of the operation."""
    one = instance(world)
    attach(world, one, group(world, {STATIC: "32M"}))
    beats = iter(range(10, 20))

    def beat(*waiting: str) -> None:
        world.report(one, "heartbeat", t.Heartbeat(
            stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=next(beats)), status=t.ServiceStatus.HEALTHY,
            sentence="It is so.", sent_at=0.0, waiting=waiting))

    beat(STATIC)
    assert (world.instance(one).status, world.instance(one).observed.waiting) == ("RESTART_REQUIRED", (STATIC,))
    assert told(world, one)[-1].became == "RESTART_REQUIRED"
    world.guests.slow.add("restart")
    busy = world.restart(one)
    assert (told(world, one)[-1].was, told(world, one)[-1].became) == ("RESTART_REQUIRED", "REBOOT")
    world.until(lambda: f"{busy.operation_id}.restart" in world.guests.journal(one))
    beat()
    world.guests.finish(one, "restart", f"{busy.operation_id}.restart")
    assert world.ended(busy).state == "done"
    assert (world.instance(one).status, told(world, one)[-1].became) == ("ACTIVE", "ACTIVE")


def test_settings_with_which_no_server_starts_leave_an_instance_that_serves_and_says_so(world: World) -> None:
    one = instance(world)
    attach(world, one, group(world, {"max_connections": 200, STATIC: "32M"}))
    world.guests.fails["restart"] = t.Failure(code="invalid", message="The server did not start.", hint="Change it.")
    world.guests.settings = {"max_connections": "200", STATIC: "8388608", "another": "1"}
    failed = world.ended(world.restart(one))
    shown = world.instance(one)
    assert (failed.state, failed.error_message, shown.status) == ("failed", "The server did not start.", "ACTIVE")
    assert shown.fault is not None and shown.fault.message == "The server did not start. Change it."
    assert configured(world, one) == {"max_connections": "200", STATIC: "8388608"}
    world.guests.fails.clear()
    assert world.ended(world.restart(one)).state == "done"
    assert world.instance(one).fault is None


def test_what_is_in_force_after_a_roll_back_may_stay_unknown(world: World) -> None:
    one = instance(world)
    attach(world, one, group(world, {STATIC: "32M"}))
    world.guests.fails["restart"] = t.Failure(code="invalid", message="The server did not start.", hint="Change it.")
    world.guests.fails["get_settings"] = t.Failure(code="not_ready", message="Not yet.", hint="")
    assert world.ended(world.restart(one)).state == "failed"
    assert (world.instance(one).status, configured(world, one)) == ("ACTIVE", {STATIC: str(32 << 20)})


def test_an_agent_that_is_too_old_is_told_by_its_name(world: World) -> None:
    """The contract's client refuses it; the operation carries its sentence."""
    world.guests.fails["update_overrides"] = t.Failure(
        code="too_old", message="The guest agent speaks version 1.2 of the contract.",
        hint="Upgrade the instance's guest agent: trovectl agent upgrade INSTANCE.")
    one = instance(world)
    failed = attach(world, one, group(world))
    assert failed.state == "failed" and "trovectl agent upgrade" in (failed.error_hint or "")
