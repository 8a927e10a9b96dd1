"""Every list takes as many SQL statements for 50 rows as for 5."""

import typing
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import event, insert

from common.contract import types as t
from common.secret import Secret
from tests.trove import machines
from tests.trove.api.world import World, make_store, make_world
from trove.api.description import declared
from trove.api.routes import ROUTES
from trove.api.settings import Settings
from trove.db import schema

FEW, MANY = 5, 50
SMALL = ("limits", "log", "parameters", "{owner}", "chain")
"""Lists that do not grow with rows."""


def list_of(kind: object) -> str | None:
    """The member of an answer that is a list, if it is an answer of one."""
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return None
    name, shown = kind.__struct_fields__[0], kind.__struct_encode_fields__[0]
    return shown if typing.get_origin(typing.get_type_hints(kind)[name]) is tuple else None


LISTS = {path: name for path, resource in ROUTES.items() for method, handler in declared.handlers(resource)
         if method == "get" and "{project}" in path and (name := list_of(declared.description(handler).answer))}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = make_store(tmp_path)
    pages = {f"{noun}_page_size": 1000 for noun in ("instances", "configurations", "databases", "users",
                                                      "operations")}
    yield make_world(store, Settings(**pages))
    store.close()


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    statements: list[str] = []
    event.listen(world.store._engine, "before_cursor_execute", hear := lambda *args: statements.append(args[2]))
    yield statements
    event.remove(world.store._engine, "before_cursor_execute", hear)


def group(world: World, name: str) -> str:
    """The id of the group of this name, made if need be."""
    found = {each.name: each.id for each in world.commands.settings.page(world.project, MANY + 1).items}
    if name in found:
        return found[name]
    wanted = {"configuration": {"name": name, "values": {"max_connections": 20}}}
    return str(world.ask("POST", "/configurations", wanted).json["configuration"]["id"])


def fill(world: World, inside: str, begin: int, end: int) -> None:
    """Rows ``begin`` to ``end`` of everything that can be listed; operations are of instance ``inside``, too."""
    guest = world.guests.of(inside)
    guest.ensure_databases(tuple(t.Database(name=f"d{number}") for number in range(begin, end)))
    guest.ensure_users(tuple(t.NewUser(name=f"u{number}", password=Secret("x"), host="%", databases=("d0",))
                             for number in range(begin, end)))
    [first] = [each for each in world.commands.list_datastores() if each.name == "mariadb"]
    for number in range(begin, end):
        world.create(f"i{number}", configuration=group(world, "g0"), owner=world.project)
        group(world, f"g{number}")
        world.desk.add(machines.host(f"h{number}"))
        world.ask("POST", "/mgmt/tokens", {"token": {"name": f"t{number}"}})
        with world.store.write() as connection:
            connection.execute(insert(schema.flavors).values(id=f"f{number}", name=f"f{number}", ram=1, vcpus=1))
            for datastore_id in (first.id, made := str(uuid.uuid4())):
                if datastore_id == made:
                    connection.execute(insert(schema.datastores).values(id=made, name=f"s{number}", manager="mariadb"))
                connection.execute(insert(schema.datastore_versions).values(
                    id=str(uuid.uuid4()), datastore_id=datastore_id, name=f"v{number}", version="1", active=True))
        world.ask("POST", f"/instances/{inside}/action", {"restart": {}})
        world.ask("POST", f"/instances/{inside}/action", {"reset_status": {}})


def ask_all(world: World, inside: str) -> dict[str, tuple[int, int]]:
    """Statements and items of each list."""
    found = {}
    version = world.commands.get_version("10.11", "mariadb").id
    for path, name in LISTS.items():
        where = path.format(project=world.project, instance_id=inside, user="u0", datastore="mariadb", version=version,
                            configuration=group(world, "g0"), owner=world.project)
        with counted(world) as statements:
            answer = world.client.simulate_get(where)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        found[path] = len(statements), len(answer.json[name])
    return found


@pytest.mark.slow
def test_every_list_takes_the_same_statements_whatever_its_length(world: World) -> None:
    inside, guest = world.serving(name="inside")
    fill(world, inside, 0, FEW)
    guest.grant_access(t.UserRef(name="u0", host="%"), tuple(f"d{number}" for number in range(FEW)))
    few = ask_all(world, inside)
    fill(world, inside, FEW, MANY)
    guest.grant_access(t.UserRef(name="u0", host="%"), tuple(f"d{number}" for number in range(MANY)))
    many = ask_all(world, inside)
    assert len(few) >= 11
    for path, (statements, items) in many.items():
        assert statements == few[path][0], path
        assert items >= MANY > few[path][1] or path.rpartition("/")[2] in SMALL, path
        assert statements <= 8, path
