"""What the API asks for: scope, states, paging, and what a command leaves for the task manager."""

import re

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from common.contract import types as t
from common.errors import Conflict, Invalid, NotFound
from common.secret import Secret
from tests.trove.world import wanted
from trove.db import catalog, endings, guests, instances, operations, spots
from trove.db.commands import Asked, Commands
from trove.db.store import Store
from trove.db.views import Scope
from trove.domain.creation import Rules
from trove.domain.spots import Load, Spot
from trove.domain.states import Event, Task


def create(commands: Commands, project: str = "p", **changes: object) -> Asked:
    return commands.create_instance(project, wanted(**changes), request_id="req-x")


def build(store: Store, asked: Asked) -> None:
    with store.write() as connection:
        operations.begin(connection, asked.operation_id, "e")
        assert endings.succeed(connection, asked.operation_id) == "done"


def test_a_creation_leaves_row_and_operation_and_wakes_the_task_manager(store: Store) -> None:
    woken: list[tuple[str, str | None]] = []
    commands = Commands(store, Rules(default_datastore="fake"), lambda *ids: woken.append(ids))
    asked = create(commands, access={"is_public": False})
    found = commands.get_instance("p", asked.instance_id)
    assert (found.status, found.name, found.flavor.name, found.volume_gb) == ("BUILD", "books", "db.small", 1)
    assert (found.version.datastore, found.version.name, found.access) == ("fake", "1.0", {"is_public": False})
    (operation,) = commands.list_operations("p", asked.instance_id)
    assert (operation.id, operation.kind, operation.state, operation.request_id) == (
        asked.operation_id, "create", "asked", "req-x")
    assert woken == [(asked.instance_id, asked.operation_id)]


def test_another_projects_instance_is_not_there(commands: Commands) -> None:
    asked = create(commands)
    for ask in (lambda: commands.get_instance("q", asked.instance_id),
                lambda: commands.delete_instance("q", asked.instance_id, request_id="r"),
                lambda: commands.restart("q", asked.instance_id, request_id="r"),
                lambda: commands.reset_status("q", asked.instance_id),
                lambda: commands.rename("q", asked.instance_id, "mine"),
                lambda: commands.root_history("q", asked.instance_id),
                lambda: commands.record_root("q", asked.instance_id, "u")):
        with pytest.raises(NotFound):
            ask()
    assert commands.list_instances("q").items == ()
    assert commands.list_operations("q", asked.instance_id) == ()
    assert commands.get_instance(Scope.EVERY_PROJECT, asked.instance_id).project_id == "p"


def test_a_deleted_instance_is_not_there_and_keeps_no_secret(store: Store, commands: Commands) -> None:
    asked = create(commands)
    deletion = commands.delete_instance("p", asked.instance_id, request_id="r")
    build(store, deletion)
    with pytest.raises(NotFound):
        commands.get_instance("p", asked.instance_id)
    with store.read() as connection:
        row = connection.exec_driver_sql(
            'SELECT "order", key_to_guest, key_from_guest, bus_password, task FROM instances').one()
    assert row == (None, None, None, None, "deleted")
    assert [each.state for each in commands.list_operations("p", asked.instance_id)] == ["done", "cancelled"]


def test_a_deletion_during_a_build_calls_it_off(store: Store, commands: Commands) -> None:
    asked = create(commands)
    with store.write() as connection:
        operations.begin(connection, asked.operation_id, "e")
    deletion = commands.delete_instance("p", asked.instance_id, request_id="r")
    creation = commands.list_operations("p", asked.instance_id)[1]
    assert (creation.kind, creation.cancel_asked, creation.state) == ("create", True, "running")
    assert commands.get_instance("p", asked.instance_id).status == "SHUTDOWN"
    assert commands.delete_instance("p", asked.instance_id, request_id="r") == deletion


def test_restart_needs_an_instance_at_rest(store: Store, commands: Commands) -> None:
    asked = create(commands)
    with pytest.raises(Conflict):
        commands.restart("p", asked.instance_id, request_id="r")
    build(store, asked)
    assert commands.get_instance("p", asked.instance_id).status == "ACTIVE"
    commands.restart("p", asked.instance_id, request_id="r")
    assert commands.get_instance("p", asked.instance_id).status == "REBOOT"
    with pytest.raises(Conflict):
        commands.restart("p", asked.instance_id, request_id="r")


def test_reset_status_calls_off_and_says_what_cannot_be_used(store: Store, commands: Commands) -> None:
    building, built = create(commands), create(commands)
    build(store, built)
    commands.restart("p", built.instance_id, request_id="r")
    commands.reset_status("p", built.instance_id)
    assert commands.get_instance("p", built.instance_id).status == "ACTIVE"
    commands.reset_status("p", building.instance_id)
    with store.read() as connection:
        assert guests.has_order(connection, building.instance_id), "it can be retried"
    found = commands.get_instance("p", building.instance_id)
    assert found.status == "ERROR"
    assert found.fault is not None and "called off" in found.fault.message


def test_pages_go_by_id_and_show_the_newest_first(commands: Commands) -> None:
    ids = sorted(create(commands, name=f"n{number}").instance_id for number in range(5))
    first = commands.list_instances("p", limit=2)
    assert {item.id for item in first.items} == set(ids[:2])
    assert first.next_marker == ids[1]
    assert [item.created for item in first.items] == sorted((item.created for item in first.items), reverse=True)
    second = commands.list_instances("p", limit=3, marker=first.next_marker)
    assert {item.id for item in second.items} == set(ids[2:])
    assert second.next_marker is None


def test_a_list_takes_the_same_few_statements_whatever_its_length(store: Store, commands: Commands) -> None:
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def count() -> int:
        statements.clear()
        commands.list_instances("p", 50)
        return len([statement for statement in statements if not statement.startswith("BEGIN")])

    for _ in range(2):
        create(commands)
    few = count()
    for _ in range(3):
        create(commands)
    assert few == count() == 1


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"flavor": "99"}, r"no flavor 99.*1 \(db.small\)"),
    ({"version": "7"}, "no datastore version 7. Choose one of: 1.0"),
    ({"name": "!"}, "name has 1 to 255"),
    ({"volume_gb": None}, "needs a volume"),
    ({"volume_gb": 0}, "0 GB is not possible"),
    ({"databases": ()}, "access to database shelf, which is not asked for"),
    ({"databases": (t.Database(name="shelf"), t.Database(name="shelf"))}, "database shelf is listed twice"),
    ({"users": (t.NewUser(name="a", password=Secret("x1x1x1x1")),) * 2}, "user a@% is listed twice"),
])
def test_what_makes_no_sense_is_refused_with_the_rule(commands: Commands, changes: dict[str, object],
                                                      sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        create(commands, **changes)
    assert re.search(sentence, refusal.value.sentence())
    assert commands.list_instances("p").items == ()


def test_an_unknown_datastore_is_not_found(commands: Commands) -> None:
    with pytest.raises(NotFound, match="Datastore oracle"):
        create(commands, datastore="oracle")


def test_an_address_belongs_to_one_living_instance(store: Store, commands: Commands) -> None:
    one, other = create(commands), create(commands)
    with store.write() as connection:
        spots.store(connection, one.instance_id, Spot(None, "127.64.0.1", 3306))
    with store.write() as connection:
        spots.store(connection, other.instance_id, Spot(None, "127.64.0.1", 3307))
    with pytest.raises(IntegrityError), store.write() as connection:
        spots.store(connection, other.instance_id, Spot(None, "127.64.0.1", 3306))
    build(store, commands.delete_instance("p", one.instance_id, request_id="r"))
    with store.write() as connection:
        spots.store(connection, other.instance_id, Spot(None, "127.64.0.1", 3306))
        load, = spots.loads(connection)
    assert load == Load(other.instance_id, Spot(None, "127.64.0.1", 3306), 512, 1)


def test_who_opened_root_first_stays_known(commands: Commands) -> None:
    asked = create(commands)
    assert commands.root_history("p", asked.instance_id) is None
    commands.record_root("p", asked.instance_id, "ann")
    commands.record_root_closed("p", asked.instance_id)
    closed = commands.root_history("p", asked.instance_id)
    assert closed is not None and closed.enabled_by == "ann" and closed.disabled_at is not None
    commands.record_root("p", asked.instance_id, "bob")
    again = commands.root_history("p", asked.instance_id)
    assert again is not None and again.enabled_by == "ann" and again.disabled_at is None


def test_the_catalogue_is_seeded_once_and_grows(store: Store, commands: Commands) -> None:
    for versions in ({"fake": "1.0"}, {"fake": "2.0"}, {"fake": "2.0"}):
        with store.write() as connection:
            catalog.seed(connection, versions)
    (datastore,) = commands.list_datastores()
    assert [version.name for version in datastore.versions] == ["1.0", "2.0"]
    assert commands.get_version("1.0", "fake").id == datastore.default_version_id
    assert commands.get_version(datastore.versions[1].id).number == "2.0"
    assert [flavor.name for flavor in commands.list_flavors()][:2] == ["db.small", "db.medium"]
    for ask in (commands.get_flavor, commands.get_datastore, commands.get_version):
        with pytest.raises(NotFound):
            ask("x")


def test_a_move_from_a_state_that_is_past_is_a_conflict(store: Store, commands: Commands) -> None:
    asked = create(commands)
    build(store, asked)
    with pytest.raises(Conflict, match="changed meanwhile"), store.write() as connection:
        instances.move(connection, asked.instance_id, Task.BUILDING, Event.BUILT)
