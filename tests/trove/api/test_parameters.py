"""What can be set in a version, and what an operator makes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trove.api.world import World, make_store, make_world

LISTED = "/datastores/mariadb/versions/10.11/parameters"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With a store of its own: an operator's rules are everybody's."""
    store = make_store(tmp_path)
    yield make_world(store)
    store.close()


@pytest.fixture
def ruled(world: World) -> str:
    """The path of an operator's rules."""
    [version] = world.ask("GET", "/datastores/mariadb/versions").json["versions"]
    return f"/mgmt/datastores/versions/{version['id']}/parameters"


def rule(name: str = "max_connections", **members: Any) -> dict[str, Any]:
    return {"configuration-parameter": {"name": name, "data_type": "integer", "restart_required": 0} | members}


def test_parameters_of_a_version(world: World) -> None:
    [version] = world.ask("GET", "/datastores/mariadb/versions").json["versions"]
    listed = world.ask("GET", LISTED).json["configuration-parameters"]
    assert [each["name"] for each in listed] == sorted({each["name"] for each in listed})
    [one] = [each for each in listed if each["name"] == "max_connections"]
    assert one == {"name": "max_connections", "datastore_version_id": version["id"], "restart_required": False,
                   "type": "integer", "min": 10, "max": 100000, "default": "151"}
    by_id = f"/datastores/versions/{version['id']}/parameters"
    assert world.ask("GET", by_id).json["configuration-parameters"] == listed
    for path in (LISTED, by_id):
        assert world.ask("GET", f"{path}/MAX-connections").json == one
    [isolation] = [each for each in listed if each["name"] == "binlog_row_image"]
    assert (isolation["type"], isolation["choices"][0]) == ("string", "MINIMAL")


@pytest.mark.parametrize("name", ["datadir", "no_such"])
def test_what_cannot_be_set_is_not_shown(world: World, name: str) -> None:
    assert name not in {each["name"] for each in world.ask("GET", LISTED).json["configuration-parameters"]}
    answer = world.ask("GET", f"{LISTED}/{name}")
    assert answer.status_code == 404 and name in answer.json["itemNotFound"]["message"]


def test_an_operator_narrows_a_range(world: World, ruled: str) -> None:
    answer = world.ask("PUT", f"{ruled}/max_connections", rule(min_size="20", max_size=500))
    assert (answer.status_code, answer.json["min_size"], answer.json["max_size"]) == (200, 20, 500)
    shown = world.ask("GET", f"{LISTED}/max_connections").json
    assert (shown["min"], shown["max"], shown["restart_required"]) == (20, 500, False)
    assert world.ask("GET", f"{ruled}/max_connections").json == answer.json


def test_an_operator_withdraws_a_parameter_and_offers_it_again(world: World, ruled: str) -> None:
    assert world.ask("DELETE", f"{ruled}/max_connections").status_code == 204
    assert world.ask("GET", f"{LISTED}/max_connections").status_code == 404
    assert world.ask("DELETE", f"{ruled}/max_connections").status_code == 400
    assert world.ask("PUT", f"{ruled}/max_connections", rule()).status_code == 404
    shown = world.ask("GET", f"{ruled}/max_connections").json
    assert shown["deleted"] is True and shown["deleted_at"] is not None
    assert world.ask("POST", ruled, rule(restart_required=1)).status_code == 200
    again = world.ask("GET", f"{LISTED}/max_connections").json
    assert again["restart_required"] is True and "max" not in again


def test_an_operator_offers_what_the_catalogue_does_not_know(world: World, ruled: str) -> None:
    asked = rule("Of-A-Plugin", data_type="string")
    assert world.ask("POST", ruled, asked).json["name"] == "of_a_plugin"
    assert world.ask("GET", f"{LISTED}/of_a_plugin").json["type"] == "string"
    assert world.ask("POST", ruled, asked).status_code == 400
    names = [each["name"] for each in world.ask("GET", ruled).json["configuration-parameters"]]
    assert "of_a_plugin" in names and names == sorted(names)


@pytest.mark.parametrize(("path", "body", "said"), [
    ("max_connections", rule("max_connect_errors"), "The path names max_connections"),
    ("max_connections", rule(data_type="string"), "own type of max_connections is integer"),
    ("max_connections", rule(min_size=9, max_size=8), "from 9 to 8"),
    ("max_connections", rule(min_size="many"), "a number"),
    ("autocommit", rule("autocommit", data_type="boolean", min_size=0), "is no number"),
    ("datadir", rule("datadir", data_type="string"), "a part of what the instance is made of"),
])
def test_rules_that_make_no_sense(world: World, ruled: str, path: str, body: dict[str, Any], said: str) -> None:
    answer = world.ask("PUT", f"{ruled}/{path}", body)
    assert answer.status_code == 400 and said in answer.json["badRequest"]["message"]


def test_administrators_see_what_nobody_may_set(world: World, ruled: str) -> None:
    shown = world.ask("GET", f"{ruled}/datadir").json
    assert shown["refused"] == "it is a part of what the instance is made of" and shown["deleted"] is False
    assert world.ask("GET", f"{ruled}/no_such").status_code == 404
