"""Retrying and cancelling operations: what they do to the instance, and where there is nothing to do."""

import pytest
from sqlalchemy import event, update

from common.errors import Conflict, HostFailed, Invalid, NotFound
from tests.trove.world import wanted
from trove.db import endings, guests, operations, schema
from trove.db.commands import Asked, Commands
from trove.db.store import Store

BROKEN = HostFailed("The disk is gone.", "Bring it back.")


def create(commands: Commands) -> Asked:
    return commands.create_instance("p", wanted(), request_id="r")


def end(store: Store, operation_id: str, *, well: bool) -> None:
    with store.write() as connection:
        operations.begin(connection, operation_id, "e")
        if well:
            endings.succeed(connection, operation_id)
        else:
            endings.fail(connection, operation_id, BROKEN)


def has_order(store: Store, instance_id: str) -> bool:
    with store.read() as connection:
        return guests.has_order(connection, instance_id)


def test_a_failed_creation_is_retried_and_keeps_its_order_until_it_serves(store: Store, commands: Commands) -> None:
    asked = create(commands)
    end(store, asked.operation_id, well=False)
    assert has_order(store, asked.instance_id)
    again = commands.retry("p", asked.operation_id, request_id="r2")
    assert (again.kind, again.state, again.request_id) == ("create", "asked", "r2")
    found = commands.get_instance("p", asked.instance_id)
    assert (found.status, found.fault) == ("BUILD", None)
    end(store, again.id, well=True)
    assert commands.get_instance("p", asked.instance_id).status == "ACTIVE"
    assert not has_order(store, asked.instance_id), "it holds passwords"
    assert [each.state for each in commands.list_operations("p", asked.instance_id)] == ["done", "failed"]


def test_a_creation_whose_order_is_gone_is_not_retried(store: Store, commands: Commands) -> None:
    asked = create(commands)
    end(store, asked.operation_id, well=False)
    with store.write() as connection:
        guests.wipe_order(connection, asked.instance_id)
    with pytest.raises(Conflict, match="not known any more"):
        commands.retry("p", asked.operation_id, request_id="r")


def test_a_restart_and_a_deletion_are_retried(store: Store, commands: Commands) -> None:
    asked = create(commands)
    end(store, asked.operation_id, well=True)
    restart = commands.restart("p", asked.instance_id, request_id="r")
    end(store, restart.operation_id, well=False)
    end(store, commands.retry("p", restart.operation_id, request_id="r").id, well=True)
    with pytest.raises(Conflict, match="the instance is at rest"):
        commands.retry("p", restart.operation_id, request_id="r")
    deletion = commands.delete_instance("p", asked.instance_id, request_id="r")
    end(store, deletion.operation_id, well=False)
    end(store, commands.retry("p", deletion.operation_id, request_id="r").id, well=True)
    with pytest.raises(Conflict, match="the instance is deleted"):
        commands.retry("p", deletion.operation_id, request_id="r")


def test_what_has_not_failed_is_not_retried_and_what_has_ended_is_not_cancelled(
        store: Store, commands: Commands) -> None:
    asked = create(commands)
    with pytest.raises(Conflict, match="is asked"):
        commands.retry("p", asked.operation_id, request_id="r")
    end(store, asked.operation_id, well=True)
    with pytest.raises(Conflict, match="is done"):
        commands.retry("p", asked.operation_id, request_id="r")
    with pytest.raises(Conflict, match="has ended as done"):
        commands.cancel("p", asked.operation_id, by="anna")


def test_a_creation_called_off_says_who_did_it_and_can_be_retried(store: Store, commands: Commands) -> None:
    asked = create(commands)
    with store.write() as connection:
        operations.begin(connection, asked.operation_id, "e")
    for _ in range(2):
        assert commands.cancel("p", asked.operation_id, by="anna").cancel_asked
    found = commands.get_instance("p", asked.instance_id)
    assert found.status == "ERROR" and found.fault is not None
    assert found.fault.message.startswith("User anna called the creation off. Delete the instance")
    with pytest.raises(Conflict, match="is running"):
        commands.retry("p", asked.operation_id, request_id="r")
    with store.write() as connection:
        assert endings.cancel(connection, asked.operation_id) == "cancelled"
    assert commands.retry("p", asked.operation_id, request_id="r").state == "asked"


def test_a_creation_that_has_not_begun_ends_at_once(commands: Commands) -> None:
    asked = create(commands)
    assert commands.cancel("p", asked.operation_id, by="anna").state == "cancelled"


def test_a_restart_called_off_leaves_the_instance_as_it_is(store: Store, commands: Commands) -> None:
    asked = create(commands)
    end(store, asked.operation_id, well=True)
    restart = commands.restart("p", asked.instance_id, request_id="r")
    with store.write() as connection:
        operations.begin(connection, restart.operation_id, "e")
    commands.cancel("p", restart.operation_id, by="anna")
    found = commands.get_instance("p", asked.instance_id)
    assert (found.status, found.fault) == ("ACTIVE", None)
    later = commands.restart("p", asked.instance_id, request_id="r")
    for ending in (endings.succeed, lambda connection, which: endings.fail(connection, which, BROKEN)):
        with store.write() as connection:
            assert ending(connection, restart.operation_id) == "cancelled", "the instance is another restart's by now"
    assert commands.get_instance("p", asked.instance_id).status == "REBOOT"
    end(store, later.operation_id, well=True)


def test_a_deletion_is_not_called_off(commands: Commands) -> None:
    deletion = commands.delete_instance("p", create(commands).instance_id, request_id="r")
    with pytest.raises(Conflict, match="cannot be called off"):
        commands.cancel("p", deletion.operation_id, by="anna")


def test_operations_of_another_project_are_not_there(commands: Commands) -> None:
    asked = create(commands)
    for refuse in (lambda: commands.get_operation("q", asked.operation_id),
                   lambda: commands.retry("q", asked.operation_id, request_id="r"),
                   lambda: commands.cancel("q", asked.operation_id, by="bert"),
                   lambda: commands.page_operations("q", instance_id=asked.instance_id)):
        with pytest.raises(NotFound):
            refuse()
    with pytest.raises(Invalid):
        commands.page_operations("q", marker=asked.operation_id)
    assert commands.page_operations("q").items == ()


def test_pages_are_newest_first_and_take_the_same_few_statements(store: Store, commands: Commands) -> None:
    asked = [create(commands).operation_id for _ in range(5)]
    with store.write() as connection:  # at the same moment: the id decides
        connection.execute(update(schema.operations).values(created=1.0))
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    seen: list[str] = []
    marker, counts = None, set()
    while True:
        statements.clear()
        page = commands.page_operations("p", 2, marker)
        counts.add(len([each for each in statements if each.startswith("SELECT")]) - (marker is not None))
        seen += [each.id for each in page.items]
        if (marker := page.next_marker) is None:
            break
    assert seen == sorted(asked, reverse=True) and counts == {1}
    assert commands.page_operations("p", kind="restart").items == ()
    assert len(commands.page_operations("p", kind="create", state="asked").items) == 5
