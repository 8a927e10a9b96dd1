"""Operations over REST: what they show, how they are listed, and what a person may do about them."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from common.errors import HostFailed, Unreachable
from tests.trove.api.world import World, make_world
from trove.api.settings import Settings
from trove.db import endings, operations
from trove.db.store import Store

VIEW = {"id", "instance_id", "kind", "state", "created", "updated", "step", "since", "sentence", "deadline", "progress",
        "last_error", "next_try", "links", "tenant_id"}


def listed(world: World, path: str = "/operations", **query: object) -> list[dict[str, Any]]:
    answer = world.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json["operations"]
    return rows


def creation(world: World) -> tuple[str, str]:
    """The ids of a new instance and of its operation."""
    instance_id = world.create()["id"]
    return instance_id, listed(world, f"/instances/{instance_id}/operations")[0]["id"]


def begin(world: World, operation_id: str) -> None:
    with world.store.write() as connection:
        assert operations.begin(connection, operation_id, "e")
        assert operations.enter_step(connection, operation_id, "place", "Makes the place.", 600)


def fail(world: World, operation_id: str) -> None:
    begin(world, operation_id)
    with world.store.write() as connection:
        endings.fail(connection, operation_id, HostFailed("The disk is gone.", "Bring it back."))


def test_an_operation_shows_where_it_is(world: World) -> None:
    instance_id, operation_id = creation(world)
    view = world.ask("GET", f"/operations/{operation_id}").json["operation"]
    assert set(view) == VIEW
    assert (view["kind"], view["state"], view["instance_id"]) == ("create", "asked", instance_id)
    assert {view[name] for name in ("step", "since", "deadline", "progress", "last_error", "next_try")} == {None}
    assert view["links"][0]["href"].endswith(f"/v1.0/{world.project}/operations/{operation_id}")
    begin(world, operation_id)
    with world.store.write() as connection:
        operations.get_on(connection, operation_id, "Unpacks.", 40.0, 1e9)
    view = world.ask("GET", f"/operations/{operation_id}").json["operation"]
    assert (view["state"], view["step"], view["sentence"], view["progress"]) == ("running", "place", "Unpacks.", 40.0)
    assert view["deadline"] == "2001-09-09T01:46:40" and view["since"] is not None


def test_what_is_tried_again_shows_why_and_when(world: World) -> None:
    _, operation_id = creation(world)
    begin(world, operation_id)
    with world.store.write() as connection:
        operations.note_failure(connection, operation_id, Unreachable("The broker is away.", "Start it."), 1e9)
    view = world.ask("GET", f"/operations/{operation_id}").json["operation"]
    assert view["last_error"] == {"code": "unreachable", "message": "The broker is away.", "hint": "Start it."}
    assert view["next_try"] == "2001-09-09T01:46:40"


def test_a_failed_creation_is_retried_as_a_new_operation(world: World) -> None:
    instance_id, operation_id = creation(world)
    fail(world, operation_id)
    answer = world.ask("POST", f"/operations/{operation_id}", {"retry": {}})
    assert answer.status_code == 202
    again = answer.json["operation"]
    assert (again["kind"], again["state"]) == ("create", "asked") and again["id"] != operation_id
    assert world.woken[-1] == (instance_id, again["id"])
    assert world.ask("GET", f"/instances/{instance_id}").json["instance"]["status"] == "BUILD"
    assert [row["id"] for row in listed(world, f"/instances/{instance_id}/operations")] == [again["id"], operation_id]


def test_a_creation_is_called_off(world: World) -> None:
    instance_id, operation_id = creation(world)
    answer = world.ask("POST", f"/operations/{operation_id}", {"cancel": {}})
    assert (answer.status_code, answer.json["operation"]["state"]) == (202, "cancelled")
    shown = world.ask("GET", f"/instances/{instance_id}").json["instance"]
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"].startswith("User noauth called the creation off. Delete the instance")


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_where_there_is_nothing_to_do_it_is_409_with_a_sentence(world: World, action: str) -> None:
    instance_id, operation_id = creation(world)
    fail(world, operation_id)
    world.ask("DELETE", f"/instances/{instance_id}")
    answer = world.ask("POST", f"/operations/{operation_id}", {action: {}})
    assert answer.status_code == 409
    assert answer.json["conflict"]["message"].startswith(f"There is nothing to {action}: the ")


@pytest.mark.parametrize("body", [{}, {"retry": {}, "cancel": {}}, {"retry": None}, {"retry": {"now": True}},
                                  {"explode": {}}, []])
def test_a_body_without_exactly_one_action_is_400(world: World, body: object) -> None:
    _, operation_id = creation(world)
    answer = world.ask("POST", f"/operations/{operation_id}", body)
    assert answer.status_code == 400, answer.text


def test_operations_of_another_project_are_404(world: World, store: Store) -> None:
    instance_id, operation_id = creation(world)
    other = make_world(store)
    assert other.ask("GET", f"/operations/{operation_id}").status_code == 404
    assert other.ask("GET", f"/instances/{instance_id}/operations").status_code == 404
    for action in ("retry", "cancel"):
        assert other.ask("POST", f"/operations/{operation_id}", {action: {}}).status_code == 404
    assert listed(other) == []
    assert other.ask("GET", "/operations", params={"marker": operation_id}).status_code == 400


def test_lists_are_paged_and_the_link_keeps_the_filters(store: Store) -> None:
    world = make_world(store, Settings(operations_page_size=2))
    newest_first = [creation(world)[1] for _ in range(5)][::-1]
    fail(world, newest_first[0])
    seen: list[str] = []
    answer = world.ask("GET", "/operations", params={"state": "asked", "kind": "create", "limit": 100})
    while True:
        seen += [row["id"] for row in answer.json["operations"]]
        if "links" not in answer.json:
            break
        [link] = answer.json["links"]
        parts = urlsplit(link["href"])
        answer = world.client.simulate_get(f"{parts.path}?{parts.query}")
    assert seen == newest_first[1:]
    assert [row["id"] for row in listed(world, state="failed")] == newest_first[:1]
    assert listed(world, kind="restart") == []


@pytest.mark.parametrize("query", [{"state": "lost"}, {"kind": "explode"}, {"limit": "0"}, {"marker": "x"}])
def test_a_filter_that_there_is_not_is_400(world: World, query: dict[str, str]) -> None:
    answer = world.ask("GET", "/operations", params=query)
    assert answer.status_code == 400 and "badRequest" in answer.json


def test_operations_of_a_deleted_instance_can_be_read(world: World) -> None:
    instance_id, _ = creation(world)
    world.ask("DELETE", f"/instances/{instance_id}")
    [deletion, _] = listed(world, f"/instances/{instance_id}/operations")
    begin(world, deletion["id"])
    with world.store.write() as connection:
        assert endings.succeed(connection, deletion["id"]) == "done"
    assert world.ask("GET", f"/instances/{instance_id}").status_code == 404
    assert [row["state"] for row in listed(world, f"/instances/{instance_id}/operations")] == ["done", "cancelled"]
