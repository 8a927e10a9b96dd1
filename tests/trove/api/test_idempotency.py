"""A POST that is repeated under its Idempotency-Key is done once: after its answer, beside it, and after a death."""

import threading
import time
import uuid
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
import sqlalchemy

from common.errors import Unreachable
from tests.trove.api.world import World, make_store, make_world
from trove.db import answers, schema
from trove.db.store import Store

WANTED = {"instance": {"name": "one", "flavorRef": "1", "volume": {"size": 1}}}


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def post(world: World, key: str, path: str = "/instances", body: object = WANTED) -> falcon.testing.Result:
    return world.ask("POST", path, body, headers={"Idempotency-Key": key})


def named(world: World) -> list[str]:
    return [row["name"] for row in world.ask("GET", "/instances").json["instances"]]


def another_life(world: World) -> World:
    """The API as it is after its process was killed: the same store and project, and no memory."""
    made = make_world(world.store)
    made.project, made.guests = world.project, world.guests
    return made


def test_a_repeated_creation_gets_the_first_answer(world: World, key: str) -> None:
    first = post(world, key)
    again = post(world, key)
    assert (first.status_code, first.content) == (again.status_code, again.content) and first.status_code == 200
    assert named(world) == ["one"] and len(world.woken) == 1


def test_the_answer_outlives_the_process_and_the_instance(world: World, key: str) -> None:
    first = post(world, key)
    world.ask("DELETE", f"/instances/{first.json['instance']['id']}")
    assert post(another_life(world), key).content == first.content


def test_without_a_key_every_request_is_its_own(world: World) -> None:
    world.create()
    world.create()
    assert named(world) == ["one", "one"]


def test_other_keys_and_other_projects_are_other_requests(world: World, key: str) -> None:
    other = make_world(world.store)
    for asking, under in ((world, key), (world, key + "x"), (other, key)):
        assert post(asking, under).status_code == 200
    assert (len(named(world)), len(named(other))) == (2, 1)


@pytest.mark.parametrize("change", ["body", "path"])
def test_the_key_of_another_request_is_refused(world: World, key: str, change: str) -> None:
    made = post(world, key).json["instance"]["id"]
    body = {"instance": WANTED["instance"] | {"name": "two"}} if change == "body" else WANTED
    refused = post(world, key, "/instances" if change == "body" else f"/instances/{made}/action", body)
    assert (refused.status_code, list(refused.json)) == (422, ["unprocessableEntity"])
    assert "sent with another request before" in refused.text and "new key" in refused.text
    assert named(world) == ["one"]


@pytest.mark.parametrize("bad", ["", "a b", "ä", "a\tb", "x" * 256])
def test_a_malformed_key_is_refused(world: World, bad: str) -> None:
    environ = {"HTTP_IDEMPOTENCY_KEY": bad}
    refused = world.ask("POST", "/instances", WANTED, extras=environ)
    assert (refused.status_code, list(refused.json)) == (400, ["badRequest"])
    assert "1 to 255 characters" in refused.text and named(world) == []


def test_the_longest_key_is_taken(world: World) -> None:
    assert post(world, "x" * 255).status_code == 200


def test_other_methods_do_not_look_at_it(world: World, key: str) -> None:
    listed = [world.ask("GET", "/instances", headers={"Idempotency-Key": key}).status_code for _ in range(2)]
    assert listed == [200, 200] and rows(world.store) == 0


def test_what_was_refused_may_be_asked_again_under_the_same_key(world: World, key: str) -> None:
    instance_id = world.create()["id"]
    action = f"/instances/{instance_id}/action"
    assert post(world, key, action, {"restart": {}}).status_code == 422
    world.build(instance_id)
    assert post(world, key, action, {"restart": {}}).status_code == 202
    assert post(world, key, action, {"restart": {}}).status_code == 202
    operations = world.ask("GET", f"/instances/{instance_id}/operations").json["operations"]
    assert [row["kind"] for row in operations] == ["restart", "create"]


def post_and_die(world: World, monkeypatch: pytest.MonkeyPatch, *asked: Any) -> None:
    """As if the process had died between the commit of what is asked for and the answer: that is neither kept nor
    seen."""
    with monkeypatch.context() as dying:
        dying.setattr(answers.Answers, "keep", lambda *_: None)
        dying.setattr(answers.Answers, "release", lambda *_: None)
        assert post(world, *asked).status_code in (200, 202)


def test_a_creation_that_was_cut_off_before_its_answer_is_not_done_again(
        world: World, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post_and_die(world, monkeypatch, key)
    [there] = world.ask("GET", "/instances").json["instances"]
    successor = another_life(world)
    answer, again = post(successor, key), post(successor, key)
    assert answer.json["instance"]["id"] == there["id"] and answer.content == again.content
    assert named(world) == ["one"]


@pytest.mark.parametrize("action", ["restart", "reset_status", "retry", "cancel"])
def test_no_order_is_given_twice(world: World, key: str, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """Where the second time would be refused or would leave another operation."""
    instance_id = world.create()["id"]
    operation = world.ask("GET", f"/instances/{instance_id}/operations").json["operations"][0]["id"]
    if action == "restart":
        world.build(instance_id)
    if action == "retry":
        world.ask("POST", f"/operations/{operation}", {"cancel": {}})
    before = "operations" if action in ("retry", "cancel") else "instances"
    path = f"/operations/{operation}" if before == "operations" else f"/instances/{instance_id}/action"
    post_and_die(world, monkeypatch, key, path, {action: {}})
    count = len(world.ask("GET", "/operations").json["operations"])
    assert post(another_life(world), key, path, {action: {}}).status_code == 202
    assert len(world.ask("GET", "/operations").json["operations"]) == count


def test_a_group_of_settings_is_made_once(world: World, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"configuration": {"name": "many", "values": {"max_connections": 200}}}
    post_and_die(world, monkeypatch, key, "/configurations", wanted)
    answer = post(another_life(world), key, "/configurations", wanted)
    [there] = world.ask("GET", "/configurations").json["configurations"]
    assert (answer.status_code, answer.json["configuration"]["id"]) == (200, there["id"])


def test_a_request_beside_the_first_is_told_to_wait(world: World, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()
    create = world.commands.create_instance

    def slow(*args: Any, **options: Any) -> Any:
        reached.set()
        assert go_on.wait(20)
        return create(*args, **options)

    monkeypatch.setattr(world.commands, "create_instance", slow)
    first: list[falcon.testing.Result] = []
    thread = threading.Thread(target=lambda: first.append(post(world, key)))
    thread.start()
    assert reached.wait(20)
    beside = post(world, key)
    go_on.set()
    thread.join(20)
    assert (beside.status_code, list(beside.json)) == (409, ["conflict"]) and "still being worked on" in beside.text
    assert post(world, key).content == first[0].content and named(world) == ["one"]


def test_inside_an_instance_the_first_answer_is_given_again(world: World, key: str) -> None:
    """Databases and users that are there would be refused the second time; the superuser would get a new password."""
    instance_id, guest = world.serving()
    for path, body in (("databases", {"databases": [{"name": "shop"}]}),
                       ("users", {"users": [{"name": "anna", "password": "secret"}]}), ("root", None)):
        first, again = (post(world, key + path, f"/instances/{instance_id}/{path}", body) for _ in range(2))
        assert first.status_code in (200, 202)
        assert (first.status_code, first.content) == (again.status_code, again.content)
    assert guest.root_password is not None and first.json["user"]["password"] == guest.root_password.reveal()


def test_an_agent_that_does_not_answer_leaves_the_key_free(world: World, key: str) -> None:
    instance_id, guest = world.serving()
    guest.failure = Unreachable("The agent is away.")
    assert post(world, key, f"/instances/{instance_id}/root", None).status_code == 503
    guest.failure = None
    assert post(world, key, f"/instances/{instance_id}/root", None).status_code == 200


def test_nothing_of_it_is_in_clear_at_rest(tmp_path: Path, key: str) -> None:
    store = make_store(tmp_path)
    world = make_world(store)
    instance_id, guest = world.serving()
    wanted = {"users": [{"name": "anna", "password": "a-planted-password"}]}
    assert post(world, key + "u", f"/instances/{instance_id}/users", wanted).status_code == 202
    assert post(world, key, f"/instances/{instance_id}/root", None).status_code == 200
    assert guest.root_password is not None
    held = b"".join(file.read_bytes() for file in tmp_path.glob("trove.sqlite*"))
    assert instance_id.encode() in held
    for secret in ("a-planted-password", guest.root_password.reveal(), key):
        assert secret.encode() not in held
    store.close()


def test_a_key_is_forgotten_after_a_day(world: World, key: str) -> None:
    post(world, key)
    age(world.store, 23.9 * 3600)
    post(world, key)
    assert named(world) == ["one"]
    age(world.store, 0.2 * 3600)
    post(world, key)
    assert named(world) == ["one", "one"]
    age(world.store, 25 * 3600)
    with world.store.write() as connection:
        answers.prune(connection, time.time())
    assert rows(world.store) == 0


@pytest.fixture(autouse=True)
def empty(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sqlalchemy.delete(schema.idempotency_keys))


def age(store: Store, seconds: float) -> None:
    with store.write() as connection:
        table = schema.idempotency_keys
        connection.execute(sqlalchemy.update(table).values(began=table.c.began - seconds))


def rows(store: Store) -> int:
    with store.read() as connection:
        count: int = connection.execute(
            sqlalchemy.select(sqlalchemy.func.count()).select_from(schema.idempotency_keys)).scalar_one()
    return count
