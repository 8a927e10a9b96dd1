"""Instances of all projects, for administrators, and what else may be done to them."""

from typing import Any

import pytest

from common.errors import Unreachable
from tests.trove.api.world import World, make_world
from trove.api import errors, identity
from trove.api.context import Caller
from trove.db import instances
from trove.db.store import Store
from trove.domain.states import Event, Task


def managed(world: World, query: str = "") -> list[dict[str, Any]]:
    answer = world.ask("GET", f"/mgmt/instances?limit=1000{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["instances"]
    return found


def delete(world: World, instance_id: str) -> None:
    with world.store.write() as connection:
        instances.move(connection, instance_id, Task.NONE, Event.DELETE_ASKED)
        instances.move(connection, instance_id, Task.DELETING, Event.REMOVED)
        instances.set_deleted(connection, instance_id)


def test_an_administrator_sees_all_projects_and_what_is_deleted(store: Store) -> None:
    one, two = make_world(store), make_world(store)
    here, there, gone = (world.serving(name=name)[0] for world, name in ((one, "a"), (two, "b"), (two, "c")))
    delete(two, gone)
    seen = {row["id"]: row for row in managed(one)}
    assert {here, there, gone} <= seen.keys()
    assert (seen[there]["tenant_id"], seen[gone]["deleted"]) == (two.project, True)
    assert seen[there]["server"] == {
        "id": there, "name": "b", "status": "ACTIVE", "tenant_id": two.project, "host": None, "deleted": False,
        "deleted_at": None, "local_id": None}
    assert seen[there]["guest_status"]["state_description"] == seen[there]["service_status"] == "healthy"
    assert [row["id"] for row in managed(one, f"&project_id={one.project}")] == [here]
    assert [row["id"] for row in managed(one, f"&project_id={two.project}&deleted=true")] == [gone]
    assert [row["id"] for row in managed(one, f"&project_id={two.project}&deleted=false")] == [there]
    shown = one.ask("GET", f"/mgmt/instances/{gone}").json["instance"]
    assert shown["deleted"] and shown["root_enabled"] is None
    assert one.ask("GET", f"/mgmt/instances/{gone}?deleted=false").status_code == 400
    assert one.ask("GET", "/mgmt/instances/none").status_code == 404


def test_pages_are_counted_from_the_last_changed(world: World) -> None:
    made = [world.create(f"page {number}")["id"] for number in range(5)]
    ids, path = [], f"/mgmt/instances?limit=2&project_id={world.project}"
    while path:
        page = world.ask("GET", path).json
        ids += [row["id"] for row in page["instances"]]
        link = page.get("links", [{"href": ""}])[0]["href"]
        path = link.partition(f"/v1.0/{world.project}")[2]
    assert ids == made[::-1]


@pytest.mark.parametrize("query", ["marker=x", "marker=-1", "deleted=x", "limit=0"])
def test_what_is_no_question_is_refused(world: World, query: str) -> None:
    assert world.ask("GET", f"/mgmt/instances?{query}").status_code == 400


@pytest.mark.parametrize(("name", "kind"), [("stop", "stop"), ("reboot", "reboot")])
def test_an_action_is_an_operation(world: World, name: str, kind: str) -> None:
    instance_id, _ = world.serving()
    assert world.ask("POST", f"/mgmt/instances/{instance_id}/action", {name: {}}).status_code == 202
    newest = world.ask("GET", f"/instances/{instance_id}/operations").json["operations"][0]
    assert (newest["kind"], newest["state"]) == (kind, "asked")
    busy = world.ask("POST", f"/mgmt/instances/{instance_id}/action", {name: {}})
    assert busy.status_code == 422
    assert world.ask("POST", f"/mgmt/instances/{instance_id}/action", {"reset-task-status": {}}).status_code == 202
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["status"] == "ACTIVE"


@pytest.mark.parametrize(("body", "status"), [
    ({}, 400), ({"dance": {}}, 400), ({"stop": {}, "reboot": {}}, 400), ({"stop": 1}, 400), ({"migrate": {}}, 501),
    ({"rebuild": {"image_id": "i"}}, 501)])
def test_what_cannot_be_done_is_said(world: World, body: object, status: int) -> None:
    instance_id, _ = world.serving()
    assert world.ask("POST", f"/mgmt/instances/{instance_id}/action", body).status_code == status


def test_a_ping_tells_the_truth(world: World) -> None:
    instance_id, guest = world.serving()
    assert world.ask("GET", f"/mgmt/instances/{instance_id}/rpc_ping").status_code == 204
    guest.failure = Unreachable("The agent did not answer.")
    silent = world.ask("GET", f"/mgmt/instances/{instance_id}/rpc_ping")
    assert (silent.status_code, list(silent.json)) == (503, ["serviceUnavailable"])


def test_root_history_is_never_or_a_time(world: World) -> None:
    instance_id, _ = world.serving()
    path = f"/mgmt/instances/{instance_id}/root"
    assert world.ask("GET", path).json == {"root_history": {"id": instance_id, "enabled": "Never", "user": "Nobody"}}
    world.ask("POST", f"/instances/{instance_id}/root")
    history = world.ask("GET", path).json["root_history"]
    assert history["user"] == "noauth" and history["enabled"].startswith("20")


class Member(identity.NoAuth):
    def identify(self, _req: object, project_id: str, request_id: str) -> Caller:
        return Caller(project_id, "u1", frozenset({"member"}), is_admin=False, confined=False, request_id=request_id)


def test_members_see_their_own_quotas_and_manage_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "NoAuth", Member)
    world = make_world(store)
    assert world.ask("GET", f"/mgmt/quotas/{world.project}").status_code == 200
    for method, path, body in (("GET", "/mgmt/quotas/other", None), ("PUT", f"/mgmt/quotas/{world.project}",
                                                                     {"quotas": {"instances": 5}}),
                               ("GET", "/mgmt/instances", None), ("GET", "/mgmt/instances/i/rpc_ping", None),
                               ("POST", "/mgmt/instances/i/action", {"stop": {}})):
        assert world.ask(method, path, body).status_code == errors.STATUS[errors.Forbidden], path


def test_quotas_are_shown_and_set(world: World) -> None:
    path = f"/mgmt/quotas/{world.project}"
    world.create()
    answer = world.ask("PUT", path, {"quotas": {"instances": 3, "ram": -1}})
    assert answer.json == {"quotas": {"instances": 3, "ram": -1}}
    rows = {row["resource"]: row for row in world.ask("GET", path).json["quotas"]}
    assert rows["instances"] == {"resource": "instances", "in_use": 1, "reserved": 1, "limit": 3}
    assert set(rows) == {"instances", "ram", "volumes", "backups"}
    for body, status in (({"quotas": {"dances": 1}}, 404), ({"quotas": {"ram": -2}}, 400), ({"quotas": {}}, 400),
                         ({}, 400)):
        assert world.ask("PUT", path, body).status_code == status, body
    for _ in range(2):
        world.create()
    refused = world.ask("POST", "/instances", {"instance": {"name": "x", "flavorRef": "1", "volume": {"size": 1}}})
    assert (refused.status_code, list(refused.json)) == (413, ["overLimit"])
