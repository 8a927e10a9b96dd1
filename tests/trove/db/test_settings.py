"""Changes of settings that were put off, on both stores."""

import threading

from tests.trove.world import wanted
from trove.db import catalog, endings, settings
from trove.db.commands import Asked, Commands
from trove.db.store import Store


def put_off(store: Store, commands: Commands) -> Asked:
    """An instance whose group was changed while it was being made."""
    with store.write() as connection:
        catalog.seed(connection, {"mariadb": "10.11"})
    group = commands.settings.create("p", "many", None, {"max_connections": 200}, datastore="mariadb", version=None,
                                     number=None)
    assert group is not None
    asked = commands.create_instance("p", wanted(datastore="mariadb", configuration=group.id), request_id="req-1")
    commands.settings.change("p", group.id, {"max_connections": 300}, merge=False, request_id="req-7")
    return asked


def asked_for(commands: Commands, made: Asked) -> list[tuple[str, str]]:
    return [(each.kind, each.request_id) for each in commands.list_operations("p", made.instance_id)]


def test_nothing_is_asked_for_before_an_instance_is_at_rest(store: Store, commands: Commands) -> None:
    made = put_off(store, commands)
    settings.catch_up(store)
    assert asked_for(commands, made) == [("create", "req-1")]


def test_what_was_put_off_is_asked_for_once_by_however_many_look(store: Store, commands: Commands) -> None:
    made = put_off(store, commands)
    with store.write() as connection:
        assert endings.succeed(connection, made.operation_id) == "done"
    threads = [threading.Thread(target=settings.catch_up, args=(store,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert asked_for(commands, made) == [("configure", "req-7"), ("create", "req-1")]


def test_what_is_deleted_gets_nothing(store: Store, commands: Commands) -> None:
    made = put_off(store, commands)
    commands.delete_instance("p", made.instance_id, request_id="req-2")
    settings.catch_up(store)
    assert {kind for kind, _ in asked_for(commands, made)} == {"create", "delete"}
