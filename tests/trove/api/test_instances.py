"""Views of instances, and what changes them."""

import re

import pytest

from common.contract.types import ServiceStatus
from common.errors import DeadlinePassed
from tests.trove.api.world import World
from trove.db import spots
from trove.domain.spots import Spot

LIST_VIEW = {"id", "name", "status", "operating_status", "region", "links", "flavor", "datastore", "access", "volume",
             "tenant_id"}
DETAIL_VIEW = LIST_VIEW | {"created", "updated", "service_status_updated", "service_status_sentence", "server",
                           "server_id", "volume_id", "encrypted_rpc_messaging"}
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_list_view(world: World) -> None:
    created = world.create()
    [view] = world.ask("GET", "/instances").json["instances"]
    assert set(view) == LIST_VIEW
    assert view["datastore"] == {"type": "mariadb", "version": "10.11"}
    assert view["links"] == [
        {"rel": "self", "href": f"http://falconframework.org/v1.0/{world.project}/instances/{created['id']}"},
        {"rel": "bookmark", "href": f"http://falconframework.org/instances/{created['id']}"},
    ]
    assert view["region"] == "RegionOne" and view["tenant_id"] == world.project


def test_detail_view(world: World) -> None:
    world.create()
    [view] = world.ask("GET", "/instances/detail").json["instances"]
    assert set(view) == DETAIL_VIEW
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", view["created"])
    assert view["service_status_updated"] is None


def test_an_instance_that_serves_shows_its_address_and_disk_use(world: World) -> None:
    instance_id, guest = world.serving()
    with world.store.write() as connection:
        spots.store(connection, instance_id, Spot(None, "127.64.0.9", 3306))
    view = world.ask("GET", f"/instances/{instance_id}").json["instance"]
    assert (view["status"], view["operating_status"]) == ("ACTIVE", "HEALTHY")
    assert view["ip"] == ["127.64.0.9"]
    assert view["addresses"] == [{"address": "127.64.0.9", "port": 3306, "type": "private"}]
    assert view["server"] is None
    assert view["volume"] == {"size": 2, "used": 0.5, "used_percent": 25.0}
    assert guest.deadlines == [2.0]


def test_instances_that_share_a_host_are_told_apart_by_their_ports(world: World) -> None:
    ids = [world.create(name)["id"] for name in ("one", "two")]
    with world.store.write() as connection:
        for port, instance_id in enumerate(ids, 3306):
            spots.store(connection, instance_id, Spot("db1", "198.51.100.1", port))
    listed = world.ask("GET", "/instances").json["instances"]
    assert {view["id"]: view["addresses"] for view in listed} == {
        instance_id: [{"address": "198.51.100.1", "port": port, "type": "private"}]
        for port, instance_id in enumerate(ids, 3306)}
    assert world.ask("GET", f"/instances/{ids[1]}").json["instance"]["server"] == {"host": "db1"}


def test_disk_use_is_absent_when_the_guest_does_not_answer(world: World) -> None:
    instance_id, guest = world.serving()
    guest.failure = DeadlinePassed("No answer within 2 s.")
    answer = world.ask("GET", f"/instances/{instance_id}")
    assert answer.status_code == 200 and answer.json["instance"]["volume"] == {"size": 2}


def test_a_guest_is_not_asked_while_it_builds_or_when_it_was_not_heard_of(world: World) -> None:
    building = world.create("building")["id"]
    lost = world.create("lost")["id"]
    world.build(lost)
    world.observe(lost, ServiceStatus.HEALTHY, age=120)
    for instance_id in (building, lost):
        assert "used" not in world.ask("GET", f"/instances/{instance_id}").json["instance"]["volume"]
        assert world.guests.of(instance_id).deadlines == []
    assert world.ask("GET", f"/instances/{lost}").json["instance"]["operating_status"] == "ERROR"


def test_a_failed_creation_tells_why(world: World) -> None:
    instance_id = world.create()["id"]
    world.fail(instance_id, "The disk of this machine is full. Free 2 GB and create the instance again.", "create")
    view = world.ask("GET", f"/instances/{instance_id}").json["instance"]
    assert view["status"] == "ERROR"
    assert view["fault"]["message"] == "The disk of this machine is full. Free 2 GB and create the instance again."
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", view["fault"]["created"])
    assert view["fault"]["details"] == "create"


@pytest.mark.parametrize(("method", "body"), [
    ("PUT", {"instance": {"name": "two"}}),
    ("PATCH", {"instance": {"name": "two"}}),
    ("PUT", {"instance": {"name": "two", "configuration": None}}),
    ("PUT", {"instance": {"name": "two", "access": {"is_public": False, "allowed_cidrs": []}}}),
])
def test_rename(world: World, method: str, body: dict) -> None:
    instance_id = world.create()["id"]
    answer = world.ask(method, f"/instances/{instance_id}", body)
    assert (answer.status_code, answer.content) == (202, b"")
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["name"] == "two"


@pytest.mark.parametrize(("method", "changes", "code"), [
    ("PUT", {}, 202),
    ("PUT", {"configuration": None}, 202),
    ("PUT", {"configuration": NOBODY}, 404),
    ("PUT", {"datastore_version": "11"}, 501),
    ("PATCH", {"datastore_version": "11"}, 501),
    ("PUT", {"replica_of": None}, 400),
    ("PUT", {"replica_of": ""}, 400),
    ("PATCH", {"slave_of": None}, 400),
    ("PUT", {"slave_of": None}, 400),
    ("PUT", {"name": "two", "configuration": None, "access": {}}, 400),
    ("PUT", {"access": {"is_public": True}}, 501),
    ("PATCH", {"access": {"is_public": False}}, 400),
    ("PUT", {"name": ""}, 400),
    ("PUT", {"name": None}, 400),
    ("PUT", {"status": "ACTIVE"}, 400),
])
def test_other_changes(world: World, method: str, changes: dict, code: int) -> None:
    instance_id = world.create()["id"]
    assert world.ask(method, f"/instances/{instance_id}", {"instance": changes}).status_code == code
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["name"] == "one"


def test_delete_is_accepted_from_build_too(world: World) -> None:
    instance_id = world.create()["id"]
    answer = world.ask("DELETE", f"/instances/{instance_id}")
    assert (answer.status_code, answer.content) == (202, b"")
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["status"] == "SHUTDOWN"


def test_restart(world: World) -> None:
    instance_id, _ = world.serving()
    answer = world.ask("POST", f"/instances/{instance_id}/action", {"restart": {}})
    assert (answer.status_code, answer.content) == (202, b"")
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["status"] == "REBOOT"
    again = world.ask("POST", f"/instances/{instance_id}/action", {"restart": {}})
    assert again.status_code == 422 and "unprocessableEntity" in again.json
    assert again.json["unprocessableEntity"]["message"] == (
        "The instance is restarting: it cannot be restarted now. Wait until it is ACTIVE, or call the restart off.")


def test_force_delete_is_reset_status_and_delete(world: World) -> None:
    instance_id, _ = world.serving()
    world.ask("POST", f"/instances/{instance_id}/action", {"restart": {}})
    assert world.ask("POST", f"/instances/{instance_id}/action", {"reset_status": {}}).status_code == 202
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["status"] == "ACTIVE"
    assert world.ask("DELETE", f"/instances/{instance_id}").status_code == 202


@pytest.mark.parametrize(("body", "code", "words"), [
    ({"dance": {}}, 400, "There is no action 'dance'. Choose one of: restart, reset_status, "
     "upgrade_agent, rotate_keys."),
    ({}, 400, "one key"),
    ({"restart": {}, "reset_status": {}}, 400, "one key"),
    ({"restart": None}, 400, "object"),
    ({"resize": {"volume": {"size": 3}}}, 501, "resize"),
    ({"promote_to_replica_source": {}}, 501, "promote_to_replica_source"),
    ({"eject_replica_source": {}}, 501, "eject_replica_source"),
    ([], 400, "Validation error"),
])
def test_other_actions(world: World, body: object, code: int, words: str) -> None:
    instance_id, _ = world.serving()
    answer = world.ask("POST", f"/instances/{instance_id}/action", body)
    assert answer.status_code == code and words in answer.text


@pytest.mark.parametrize(("method", "tail", "body"), [
    ("GET", "", None),
    ("PUT", "", {"instance": {"name": "x"}}),
    ("PATCH", "", {"instance": {"name": "x"}}),
    ("DELETE", "", None),
    ("POST", "/action", {"restart": {}}),
    ("POST", "/action", {"reset_status": {}}),
    ("GET", "/databases", None),
    ("GET", "/users", None),
    ("GET", "/root", None),
    ("POST", "/root", None),
    ("DELETE", "/root", None),
])
@pytest.mark.parametrize("whose", ["nobody", "another project"])
def test_of_nobody_or_of_another_project_is_404(world: World, method: str, tail: str, body: object, whose: str) -> None:
    instance_id = world.create()["id"] if whose == "another project" else NOBODY
    options = {} if body is None else {"json": body}
    answer = world.client.simulate_request(method, f"/v1.0/other/instances/{instance_id}{tail}", **options)
    assert answer.status_code == 404 and answer.json["itemNotFound"]["code"] == 404
