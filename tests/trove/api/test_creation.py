"""POST /instances: what it takes, and what it refuses with which code."""

import pytest

from tests.trove.api.world import World

GOOD = {"name": "one", "flavorRef": "1", "volume": {"size": 2}}
UUID = "5c1f8a0e-1111-4222-8333-444455556666"


def test_answers_with_the_detail_view_and_wakes_the_task_manager(world: World) -> None:
    answer = world.ask("POST", "/instances", {"instance": GOOD})
    assert answer.status_code == 200
    view = answer.json["instance"]
    assert (view["name"], view["status"], view["operating_status"]) == ("one", "BUILD", "")
    assert view["flavor"]["id"] == "1" and view["volume"] == {"size": 2}
    assert view["datastore"] == {"type": "mariadb", "version": "10.11", "version_number": "10.11"}
    assert [instance_id for instance_id, _ in world.woken] == [view["id"]]


def test_databases_and_users_reach_the_order(world: World) -> None:
    users = [{"name": "anna", "password": "s3cret!", "host": "10.0.0.%", "databases": [{"name": "shop"}]}]
    instance_id = world.create(databases=[{"name": "shop", "character_set": "utf8mb4"}], users=users)["id"]
    [operation] = world.commands.list_operations(world.project, instance_id)
    assert operation.kind == "create" and operation.request_id.startswith("req-")


@pytest.mark.parametrize("members", [
    {"flavorRef": 1},
    {"flavorRef": "https://db.example.org/v1.0/demo/flavors/1"},
    {"flavorRef": "db.small"},
    {"volume": {"size": "2"}},
    {"volume": {"size": 2, "type": None}},
    {"access": {"is_public": False}},
    {"access": {"is_public": False, "allowed_cidrs": ["0.0.0.0/0"]}},
    {"region_name": "RegionOne"},
    {"datastore": {"type": "mariadb", "version": "10.11", "version_number": "10.11"}},
    {"datastore": {"type": "mariadb"}},
    {"nics": [], "modules": []},
    {"something_of_a_later_version": True},
])
def test_takes(world: World, members: dict) -> None:
    assert world.ask("POST", "/instances", {"instance": GOOD | members}).status_code == 200


@pytest.mark.parametrize(("members", "code", "words"), [
    ({"name": ""}, 400, "$.instance.name"),
    ({"name": "---"}, 400, "$.instance.name"),
    ({"name": "a\nb"}, 400, "$.instance.name"),
    ({"name": "x" * 256}, 400, "$.instance.name"),
    ({"name": None}, 400, "$.instance.name"),
    ({"flavorRef": None}, 400, "needs a flavor"),
    ({"flavorRef": "99"}, 400, "There is no flavor 99"),
    ({"volume": None}, 400, "needs a volume"),
    ({"volume": {"size": 0}}, 400, "$.instance.volume.size"),
    ({"volume": {"size": "0"}}, 400, "$.instance.volume.size"),
    ({"volume": {"size": 1.5}}, 400, "$.instance.volume.size"),
    ({"volume": {"size": "9" * 41}}, 400, "$.instance.volume.size"),
    ({"volume": {"size": 10**30}}, 413, "larger"),
    ({"volume": {"size": int("9" * 4000)}}, 413, "larger"),
    ({"flavorRef": int("9" * 4000)}, 400, "flavor"),
    ({"flavorRef": "9" * 3000}, 400, "flavorRef"),
    ({"volume": {"size": 101}}, 413, "larger than the 100 GB"),
    ({"volume": {"size": 2, "type": "ssd"}}, 501, "volume.type is not supported"),
    ({"datastore": {"type": "oracle"}}, 404, "oracle"),
    ({"datastore": {"type": "mariadb", "version": "5.5"}}, 400, "5.5"),
    ({"databases": [{"name": "mysql"}]}, 400, "mysql"),
    ({"databases": [{"name": "shop"}, {"name": "shop"}]}, 400, "twice"),
    ({"databases": [{}]}, 400, "$.instance.databases[0]"),
    ({"users": [{"name": "root", "password": "x1"}]}, 400, "root"),
    ({"users": [{"name": "anna"}]}, 400, "password"),
    ({"users": [{"name": "anna", "password": "x1", "databases": [{"name": "gone"}]}]}, 400, "gone"),
    ({"users": [{"name": "anna", "password": "x1"}, {"name": "anna", "password": "x2", "host": "%"}]}, 400, "twice"),
    ({"users": [{"name": "anna", "password": ""}]}, 400, "password"),
    ({"users": [{"name": "anna", "password": ["x"]}]}, 400, "password"),
    ({"access": {"is_public": True}}, 501, "no public network"),
    ({"access": {"allowed_cidrs": ["10.0.0.0/8"]}}, 501, "cannot be kept away"),
    ({"access": {"allowed_cidrs": ["fe80::/10"]}}, 400, "allowed_cidrs"),
    ({"access": {"allowed": 1}}, 400, "$.instance.access"),
    ({"region_name": "Mars"}, 400, "The only one is RegionOne"),
    ({"replica_count": 2}, 400, "replica_of"),
    ({"replica_count": 4}, 400, "replica_count"),
    ({"replica_of": UUID}, 501, "replica_of"),
    ({"replica_of": "x"}, 400, "replica_of"),
    ({"restorePoint": {"backupRef": UUID}}, 501, "restorePoint"),
    ({"configuration": UUID}, 404, "Configuration"),
    ({"modules": [{"id": UUID}]}, 501, "modules"),
    ({"nics": [{"network_id": UUID}]}, 501, "nics"),
    ({"nics": [{}, {}]}, 400, "nics"),
    ({"nics": [{"port": UUID}]}, 400, "nics"),
    ({"locality": "affinity"}, 501, "locality"),
    ({"locality": "nearby"}, 400, "locality"),
    ({"availability_zone": "nova"}, 501, "availability_zone"),
])
def test_refuses(world: World, members: dict, code: int, words: str) -> None:
    answer = world.ask("POST", "/instances", {"instance": GOOD | members})
    [(_, error)] = answer.json.items()
    assert (answer.status_code, error["code"]) == (code, code), answer.text
    assert words in error["message"]
    assert world.ask("GET", "/instances").json["instances"] == [] and world.woken == []


def test_a_password_is_in_no_answer(world: World) -> None:
    users = [{"name": "anna", "password": "zq-Secret-77", "databases": [{"name": "gone"}]}]
    answer = world.ask("POST", "/instances", {"instance": GOOD | {"users": users}})
    assert answer.status_code == 400 and "zq-Secret-77" not in answer.text
    instance_id = world.create(users=[{"name": "anna", "password": "zq-Secret-77"}])["id"]
    assert "zq-Secret-77" not in world.ask("GET", f"/instances/{instance_id}").text


def test_beyond_the_quota_is_413(world: World) -> None:
    world.commands.set_quotas(world.project, {"instances": 1})
    world.create("first")
    answer = world.ask("POST", "/instances", {"instance": GOOD})
    assert answer.status_code == 413 and "instances" in answer.json["overLimit"]["message"]
