"""Versions that an operator registers, with programs elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ground
from tests.trove.api.world import World, make_store, make_world
from tests.trove.machines import host
from trove.db import instances

PATH = "/mgmt/datastore-versions"


@pytest.fixture
def binaries() -> Any:
    """A directory whose server says that it is MariaDB 11.8."""
    with ground.directory() as directory:
        server(directory, "11.8.2-MariaDB")
        yield directory


def server(directory: Path, number: str) -> None:
    program = directory / "usr/sbin/mariadbd"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'mariadbd  Ver {number} for Linux'\n")
    for path in (program.parent, program.parent.parent, program):
        path.chmod(0o755)


def add(world: World, place: object, number: str = "11.8", **members: Any) -> Any:
    wanted = {"datastore_name": "mariadb", "name": number, "binaries": str(place)} | members
    return world.ask("POST", PATH, {"version": wanted})


def listed(world: World) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in world.ask("GET", PATH).json["versions"] if row["datastore_name"] == "mariadb"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With a store of its own: versions and hosts are everybody's, and what was used is not forgotten."""
    store = make_store(tmp_path)
    yield make_world(store)
    store.close()


def test_a_registered_version_may_be_asked_for_and_instances_keep_its_programs(world: World, binaries: Path) -> None:
    answer = add(world, binaries, "kept", version="11.8")
    assert (answer.status_code, answer.text) == (202, "")
    row = listed(world)["kept"]
    assert row == {
        "id": row["id"], "name": "kept", "version": "11.8", "datastore_id": row["datastore_id"],
        "datastore_name": "mariadb", "datastore_manager": "mariadb", "binaries": str(binaries), "active": True,
        "default": False, "image": None, "image_tags": [], "packages": [], "registry_ext": "", "repl_strategy": ""}
    assert world.ask("GET", f"{PATH}/{row['id']}").json == {"version": row}
    made = world.create(datastore={"type": "mariadb", "version": "kept"})
    with world.store.read() as connection:
        kept = instances.get(connection, world.project, made["id"]).version
    assert (kept.number, kept.binaries) == ("11.8", str(binaries))


@pytest.mark.parametrize(("members", "words"), [
    ({"version": "11.4"}, "is mariadb 11.8 and not 11.4"),
    ({"version": "4.1"}, "does not manage mariadb 4.1"),
    ({"datastore_manager": "oracle"}, "no engine oracle"),
    ({"datastore_manager": "postgresql", "version": "15"}, "no server of postgresql in"),
    ({"binaries": "/nowhere"}, "no server of mariadb in /nowhere"),
    ({"binaries": "opt"}, "absolute path"),
])
def test_what_is_wrong_is_refused_with_a_sentence(world: World, binaries: Path, members: Any, words: str) -> None:
    answer = add(world, binaries, **members)
    assert answer.status_code == 400 and words in answer.json["badRequest"]["message"]
    assert set(listed(world)) == {"10.11"}


def test_a_server_that_only_root_can_run_is_refused(world: World, binaries: Path) -> None:
    (binaries / "usr").chmod(0o700)
    assert "every user can run" in add(world, binaries).json["badRequest"]["message"]


def test_hosts_may_have_what_this_machine_has_not(world: World) -> None:
    world.desk.add(host("db1"))
    wanted = ("mariadb", "/opt/mariadb-11.8")
    assert wanted not in world.machines.asked[-1]
    assert add(world, wanted[1]).status_code == 202
    world.desk.check("db1")
    assert wanted in world.machines.asked[-1]
    world.desk.remove("db1")


def test_default_and_switching_off(world: World, binaries: Path) -> None:
    add(world, binaries)
    path = f"{PATH}/{listed(world)['11.8']['id']}"
    assert world.ask("PATCH", path, {"default": True, "name": "new"}).status_code == 202
    assert [name for name, row in listed(world).items() if row["default"]] == ["new"]
    assert world.ask("PATCH", path, {"active": False}).status_code == 202
    shown = {row["name"]: row["active"] for row in world.ask("GET", "/datastores/mariadb/versions").json["versions"]}
    assert shown["10.11"] and not shown["new"]
    assert world.ask("PATCH", path, {"binaries": "/opt"}).status_code == 400
    assert world.ask("PATCH", path, {"name": "10.11"}).status_code == 400
    assert add(world, binaries, "new", version="11.8").status_code == 400


def test_what_was_never_used_is_forgotten(world: World, binaries: Path) -> None:
    add(world, binaries)
    path = f"{PATH}/{listed(world)['11.8']['id']}"
    assert world.ask("DELETE", path).status_code == 202
    assert world.ask("DELETE", path).status_code == 404 and "11.8" not in listed(world)
    add(world, binaries)
    path = f"{PATH}/{listed(world)['11.8']['id']}"
    group = world.ask("POST", "/configurations", {"configuration": {
        "name": "many", "values": {"max_connections": 200}, "datastore": {"version": "11.8"}}}).json["configuration"]
    answer = world.ask("DELETE", path)
    assert answer.status_code == 400 and "configuration groups" in answer.json["badRequest"]["message"]
    assert world.ask("DELETE", f"/configurations/{group['id']}").status_code == 202
    assert world.ask("DELETE", path).status_code == 202
    world.create()
    answer = world.ask("DELETE", f"{PATH}/{listed(world)['10.11']['id']}")
    assert answer.status_code == 400 and "Switch it off" in answer.json["badRequest"]["message"]
    assert listed(world)["10.11"]["default"] is True
