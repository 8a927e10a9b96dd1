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


def refused(answer: falcon.testing.Result) -> str:
    assert answer.status_code == 501, answer.text
    return str(answer.json["notImplemented"]["message"])


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/databases", None),
    ("POST", "/databases", SHOP),
    ("DELETE", "/databases/shop", None),
    ("GET", "/databases/shop", None),
    ("GET", "/users/anna/databases", None),
    ("PUT", "/users/anna/databases", SHOP),
    ("DELETE", "/users/anna/databases/shop", None),
    ("POST", "/users", {"users": [USER | SHOP]}),
])
def test_databases_and_access_are_501(world: World, method: str, path: str, body: object) -> None:
    instance_id, guest = world.serving(**REDIS)
    assert "redis" in refused(world.ask(method, f"/instances/{instance_id}{path}", body))
    assert guest.deadlines == [], "the instance was not asked"


@pytest.mark.parametrize("wanted", [SHOP, {"users": [USER | SHOP]}, SHOP | {"users": [USER]}])
def test_a_creation_with_databases_is_501(world: World, wanted: dict[str, object]) -> None:
    members = {"name": "one", "flavorRef": "1", "volume": {"size": 1}} | REDIS | wanted
    assert "no databases" in refused(world.ask("POST", "/instances", {"instance": members}))
    assert world.ask("GET", "/instances").json == {"instances": []}


def test_users_are_made_and_listed_without_databases(world: World) -> None:
    instance_id, _ = world.serving(**REDIS, users=[USER | {"databases": []}])
    assert world.ask("POST", f"/instances/{instance_id}/users", {"users": [USER]}).status_code == 202
    [shown] = world.ask("GET", f"/instances/{instance_id}/users").json["users"]
    assert shown == {"name": "anna", "host": "%", "databases": []}
    refused_host = world.ask("POST", f"/instances/{instance_id}/users", {"users": [USER | {"host": "10.0.0.1"}]})
    assert refused_host.status_code == 400 and "no host" in refused_host.text
