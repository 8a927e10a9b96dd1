"""What a datastore lacks is said from its manifest, without asking the instance."""

from pathlib import Path

import falcon.testing
import pytest

from tests.trove import stores
from tests.trove.api.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    stores.begin(tmp_path, {"redis": "7.0"})
    return make_world(stores.open_seeded(tmp_path, {"redis": "7.0"}))


REDIS = {"datastore": {"type": "redis"}}
USER = {"name": "anna", "password": "secret-1"}
SHOP = {"databases": [{"name": "shop"}]}


def refused(answer: falcon.testing.Result, status: int, fault: str) -> str:
    assert (answer.status_code, list(answer.json)) == (status, [fault]), answer.text
    return str(answer.json[fault]["message"])


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/databases", None),
    ("POST", "/databases", SHOP),
    ("DELETE", "/databases/shop", None),
    ("GET", "/databases/shop", None),
    ("GET", "/users/anna/databases", None),
    ("PUT", "/users/anna/databases", SHOP),
    ("DELETE", "/users/anna/databases/shop", None),
])
def test_databases_and_access_are_422_as_in_openstack_trove(world: World, method: str, path: str, body: object) -> None:
    instance_id, guest = world.serving(**REDIS)
    answer = world.ask(method, f"/instances/{instance_id}{path}", body)
    assert "redis does not support this" in refused(answer, 422, "unprocessableEntity")
    assert guest.deadlines == [], "the instance was not asked"


@pytest.mark.parametrize("wanted", [SHOP, {"users": [USER | SHOP]}, SHOP | {"users": [USER]}])
def test_a_creation_with_databases_is_501(world: World, wanted: dict[str, object]) -> None:
    members = {"name": "one", "flavorRef": "1", "volume": {"size": 1}} | REDIS | wanted
    answer = world.ask("POST", "/instances", {"instance": members})
    assert "no databases" in refused(answer, 501, "notImplemented")
    assert world.ask("GET", "/instances").json == {"instances": []}


def test_a_user_with_databases_is_501(world: World) -> None:
    instance_id, guest = world.serving(**REDIS)
    answer = world.ask("POST", f"/instances/{instance_id}/users", {"users": [USER | SHOP]})
    assert "no databases" in refused(answer, 501, "notImplemented")
    assert guest.deadlines == []


def test_users_are_made_and_listed_without_databases(world: World) -> None:
    instance_id, _ = world.serving(**REDIS, users=[USER | {"databases": []}])
    assert world.ask("POST", f"/instances/{instance_id}/users", {"users": [USER]}).status_code == 202
    [shown] = world.ask("GET", f"/instances/{instance_id}/users").json["users"]
    assert shown == {"name": "anna", "host": "%", "databases": []}
    refused_host = world.ask("POST", f"/instances/{instance_id}/users", {"users": [USER | {"host": "10.0.0.1"}]})
    assert refused_host.status_code == 400 and "no host" in refused_host.text
