"""Groups of settings over REST: made, checked, planned, changed, attached, taken off, deleted."""

from typing import Any

import pytest

from common.contract import types as t
from tests.trove.api.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
STATIC = "innodb_log_buffer_size"


@pytest.fixture
def group(world: World) -> str:
    """The id of one."""
    return str(made(world)["id"])


def made(world: World, values: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    body = {"name": "many", "values": values or {"Max-Connections": 200, "innodb_log_buffer_size": "4M"}} | members
    answer = world.ask("POST", "/configurations", {"configuration": body})
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json["configuration"]
    return view


def attach(world: World, instance: str, group: str | None) -> int:
    return int(world.ask("PUT", f"/instances/{instance}", {"instance": {"configuration": group}}).status_code)


def attached(world: World) -> tuple[str, str]:
    """An instance at rest that has a group of one value, and the group."""
    group, (instance, _) = str(made(world, {"max_connections": 200})["id"]), world.serving()
    assert attach(world, instance, group) == 202
    assert world.ask("POST", f"/instances/{instance}/action", {"reset_status": {}}).status_code == 202
    return instance, group


def having(world: World, group: str) -> list[dict[str, Any]]:
    """The instances that have it."""
    found: list[dict[str, Any]] = world.ask("GET", f"/configurations/{group}/instances").json["instances"]
    return found


def shown(world: World, path: str) -> dict[str, Any]:
    answer = world.ask("GET", path)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json[path.split("/")[1].removesuffix("s")]
    return view


def test_a_group_is_shown_as_its_server_writes_it(world: World) -> None:
    view = made(world, description="For clients.")
    assert view["values"] == {"max_connections": 200, "innodb_log_buffer_size": 4194304}
    assert (view["instance_count"], view["datastore_name"], view["description"]) == (0, "mariadb", "For clients.")
    [listed] = world.ask("GET", "/configurations").json["configurations"]
    assert listed["id"] == view["id"] and "values" not in listed and "instance_count" not in listed
    assert world.ask("GET", f"/configurations/{view['id']}").json["configuration"] == view


@pytest.mark.parametrize(("values", "named"), [
    ({"max_connections": 5}, "10 to 100000"), ({"no_such": 1}, "no_such"), ({"datadir": "/"}, "datadir"),
    ({"max_connections": 20, "MAX-connections": 30}, "twice")])
def test_a_value_out_of_range_is_refused_with_the_range(world: World, values: dict[str, Any], named: str) -> None:
    answer = world.ask("POST", "/configurations", {"configuration": {"name": "x", "values": values}})
    assert answer.status_code == 422
    assert named in answer.json["unprocessableEntity"]["message"]
    assert world.ask("GET", "/configurations").json["configurations"] == []


def test_patch_adds_and_put_replaces(world: World, group: str) -> None:
    path = f"/configurations/{group}"
    assert world.ask("PATCH", path, {"configuration": {"values": {"wait_timeout": 60}}}).status_code == 200
    assert set(world.ask("GET", path).json["configuration"]["values"]) == {
        "max_connections", "innodb_log_buffer_size", "wait_timeout"}
    body = {"configuration": {"values": {"wait_timeout": 70}, "name": "few"}}
    assert world.ask("PUT", path, body).status_code == 202
    shown = world.ask("GET", path).json["configuration"]
    assert (shown["values"], shown["name"]) == ({"wait_timeout": 70}, "few")


def test_a_plan_changes_nothing(world: World, group: str) -> None:
    instance, _ = world.serving()
    answer = world.ask("PUT", f"/instances/{instance}", {"instance": {"configuration": group}},
                       query_string="dry_run=true")
    [planned] = answer.json["plan"]
    assert (answer.status_code, planned["instance"]["id"], planned["restart_required"]) == (200, instance, True)
    assert {change["name"]: change["restart_required"] for change in planned["changes"]} == {
        "innodb_log_buffer_size": True, "max_connections": False}
    assert world.ask("GET", f"/configurations/{group}").json["configuration"]["instance_count"] == 0
    assert world.ask("GET", f"/instances/{instance}/operations").json["operations"][0]["kind"] == "create"


def test_an_instance_gets_an_operation_and_shows_its_group(world: World, group: str) -> None:
    instance, _ = world.serving()
    assert attach(world, instance, f"http://trove.example/configurations/{group}") == 202
    shown = world.ask("GET", f"/instances/{instance}").json["instance"]
    assert (shown["configuration"]["id"], shown["configuration"]["name"], shown["status"]) == (group, "many", "ACTIVE")
    [newest, *_] = world.ask("GET", f"/instances/{instance}/operations").json["operations"]
    assert newest["kind"] == "configure"
    assert world.woken[-1] == (instance, newest["id"])
    assert having(world, group) == [{"id": instance, "name": "one", "settings": "pending"}]


def test_a_group_that_an_instance_has_is_neither_deleted_nor_attached_twice(world: World, group: str) -> None:
    instance, _ = world.serving()
    assert attach(world, instance, group) == 202
    assert world.ask("DELETE", f"/configurations/{group}").status_code == 400
    assert attach(world, instance, group) == 400


def test_instances_that_get_it_later_do_not_hold_a_group_up(world: World, group: str) -> None:
    """One is getting settings just now, one is being made, one was not made; one that is to go gets nothing."""
    busy, _ = world.serving()
    assert attach(world, busy, group) == 202
    building, failed, going = (world.create(configuration=group)["id"] for _ in range(3))
    world.fail(failed, "It broke.", "a trace")
    assert world.ask("DELETE", f"/instances/{going}").status_code == 202
    world.woken.clear()
    body, later = {"configuration": {"values": {"wait_timeout": 60}}}, {busy, building, failed}
    plan = world.ask("PATCH", f"/configurations/{group}?dry_run=true", body).json["plan"]
    assert {each["instance"]["id"]: each["later"] for each in plan} == dict.fromkeys(later, True)
    assert world.ask("PATCH", f"/configurations/{group}", body).status_code == 200
    assert shown(world, f"/configurations/{group}")["values"]["wait_timeout"] == 60 and world.woken == []
    assert {each["id"]: each["settings"] for each in having(world, group)} == {
        **dict.fromkeys(later, "pending"), going: "different"}


@pytest.mark.parametrize("body", [{"configuration": NOBODY}, {"configuration": None}])
def test_a_plan_for_a_busy_instance_is_refused_as_the_change_would_be(world: World, body: dict[str, Any]) -> None:
    instance, group = attached(world)
    detached = body["configuration"] is None
    if not detached:
        assert attach(world, instance, None) == 202
        body = {"configuration": group}
    assert world.ask("POST", f"/instances/{instance}/action", {"reset_status": {}}).status_code == 202
    assert world.ask("POST", f"/instances/{instance}/action", {"restart": {}}).status_code == 202
    answers = [world.ask("PUT", f"/instances/{instance}{query}", {"instance": body}) for query in ("?dry_run=1", "")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("restarting" in answer.text for answer in answers)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_description_is_taken_away_by_null_alone(world: World, method: str) -> None:
    path = f"/configurations/{made(world, description='For clients.')['id']}"
    for members, description in (({}, "For clients."), ({"description": None}, None), ({"name": "few"}, None),
                                 ({"description": "New."}, "New.")):
        assert world.ask(method, path, {"configuration": {"values": {}, **members}}).status_code in (200, 202)
        assert shown(world, path)["description"] == description


def test_a_group_goes_when_nobody_has_it(world: World, group: str) -> None:
    assert world.ask("DELETE", f"/configurations/{group}").status_code == 202
    assert world.ask("GET", f"/configurations/{group}").status_code == 404
    assert attach(world, world.serving()[0], group) == 404


def test_what_a_flavor_cannot_carry_is_refused(world: World) -> None:
    large = made(world, {"innodb_buffer_pool_size": "1G"})["id"]
    instance, _ = world.serving()
    answer = world.ask("PUT", f"/instances/{instance}", {"instance": {"configuration": large}})
    assert answer.status_code == 422 and "512 MB" in answer.json["unprocessableEntity"]["message"]
    assert world.ask("POST", "/instances", {"instance": {
        "name": "two", "flavorRef": "1", "volume": {"size": 1}, "configuration": large}}).status_code == 422


def test_an_instance_begins_with_a_group(world: World, group: str) -> None:
    view = world.create(configuration=group)
    assert view["configuration"]["id"] == group


def test_another_project_sees_no_group_in_its_list(world: World, group: str) -> None:
    world.project = "another"
    assert world.ask("GET", "/configurations").json["configurations"] == []


def test_defaults_fit_the_flavor(world: World) -> None:
    small, large = (world.ask("GET", f"/instances/{world.create(name, flavorRef=flavor)['id']}/configuration")
                    .json["instance"]["configuration"] for name, flavor in (("a", "1"), ("b", "3")))
    assert small["max_connections"] < large["max_connections"]
    assert "datadir" not in small


@pytest.mark.parametrize("given", ["perhaps", "2"])
def test_dry_run_is_yes_or_no(world: World, group: str, given: str) -> None:
    answer = world.ask("PATCH", f"/configurations/{group}", {"configuration": {"values": {}}},
                       query_string=f"dry_run={given}")
    assert answer.status_code == 400


def test_groups_come_page_by_page(world: World) -> None:
    ids = sorted(str(made(world)["id"]) for _ in range(3))
    first = world.ask("GET", "/configurations?limit=2").json
    assert [each["id"] for each in first["configurations"]] == ids[:2]
    second = world.ask("GET", f"/configurations?limit=2&marker={ids[1]}").json
    assert [each["id"] for each in second["configurations"]] == ids[2:] and "links" not in second


@pytest.mark.parametrize("what", ["/configurations", "/configurations/{group}", "/instances/{instance}"])
def test_a_dry_run_says_what_would_be_and_does_nothing(world: World, what: str) -> None:
    instance_id, group = attached(world)
    world.woken.clear()
    before = shown(world, f"/configurations/{group}"), shown(world, f"/instances/{instance_id}")
    without = world.ask("GET", f"/instances/{instance_id}/configuration").json["instance"]["configuration"]
    body = {"instance": {"configuration": None}} if "instance" in what else {
        "configuration": {"name": "many", "values": {"wait_timeout": 60, STATIC: "32M"}}}
    method = "POST" if what == "/configurations" else "PUT"
    answer = world.ask(method, f"{what.format(group=group, instance=instance_id)}?dry_run=true", body)
    assert answer.status_code == 200, answer.text
    if what == "/configurations/{group}":
        [planned] = answer.json["plan"]
        assert planned["restart_required"] and planned["instance"]["id"] == instance_id
        assert {each["name"]: (each["was"], each["becomes"], each["restart_required"])
                for each in planned["changes"]}[STATIC] == (str(without[STATIC]), str(32 << 20), True)
    assert (shown(world, f"/configurations/{group}"), shown(world, f"/instances/{instance_id}")) == before
    assert world.woken == [] and len(world.ask("GET", "/configurations").json["configurations"]) == 1


def test_a_dry_run_of_a_new_name_renames_nothing(world: World) -> None:
    instance_id, _ = world.serving()
    answer = world.ask("PUT", f"/instances/{instance_id}?dry_run=true", {"instance": {"name": "two"}})
    assert (answer.status_code, answer.json) == (200, {"plan": []})
    assert shown(world, f"/instances/{instance_id}")["name"] == "one"


def test_what_waits_is_listed_and_the_instance_wants_a_restart(world: World) -> None:
    instance_id, _ = world.serving()
    world.observe(instance_id, t.ServiceStatus.HEALTHY, waiting=(STATIC,))
    view = shown(world, f"/instances/{instance_id}")
    assert (view["status"], view["operating_status"], view["waiting_settings"]) == (
        "RESTART_REQUIRED", "HEALTHY", [STATIC])
    world.observe(instance_id, t.ServiceStatus.HEALTHY)
    view = shown(world, f"/instances/{instance_id}")
    assert view["status"] == "ACTIVE" and "waiting_settings" not in view


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""),
                                              ("GET", "/instances")])
@pytest.mark.parametrize("whose", ["nobody", "another project"])
def test_of_nobody_or_of_another_project_is_404(world: World, method: str, tail: str, whose: str) -> None:
    group = made(world)["id"] if whose == "another project" else NOBODY
    options = {"json": {"configuration": {"values": {"max_connections": 20}}}} if method.startswith("P") else {}
    answer = world.client.simulate_request(method, f"/v1.0/other/configurations/{group}{tail}", **options)
    assert answer.status_code == 404 and answer.json["itemNotFound"]["code"] == 404
