"""The audit over REST: what is in it, who sees it, and that no secret is."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from common.secret import Secret
from tests.trove import postgresql, stores
from tests.trove.api.world import World, make_store, make_world
from trove.api.settings import Settings
from trove.db.audit import Audit
from trove.db.audit_chain import Chain
from trove.db.views import Scope

OPERATOR, PLANTED = "of-the-state-directory", "planted-7c1f"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    store = make_store(tmp_path_factory.mktemp("audit"))
    yield make_world(store, Settings(auth_strategy="token", operator=Secret(OPERATOR),
                                     trusted_proxies=("127.0.0.1", "10.0.0.1")))
    store.close()


def ask(world: World, token: str, method: str, path: str, body: object = None, **headers: str) -> falcon.testing.Result:
    return world.ask(method, path, body, headers={"X-Auth-Token": token} | headers)


def member(world: World, name: str) -> str:
    made = ask(world, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": name}})
    return str(made.json["token"]["secret"])


def rows(world: World, path: str = "/audit", **query: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in ({"limit": "1000"} | query).items())
    answer = ask(world, OPERATOR, "GET", f"{path}?{asked}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["audit"]
    return found


def test_what_changes_something_is_written_down(guarded: World) -> None:
    anna = member(guarded, "anna")
    wanted = {"name": "one", "flavorRef": "1", "volume": {"size": 1},
              "users": [{"name": "u", "password": PLANTED, "databases": []}]}
    made = ask(guarded, anna, "POST", "/instances", {"instance": wanted})
    instance_id = made.json["instance"]["id"]
    ask(guarded, anna, "DELETE", f"/instances/{instance_id}")
    ask(guarded, anna, "DELETE", "/instances/nowhere")
    ask(guarded, anna, "GET", f"/instances/{instance_id}")
    create, delete, nowhere = rows(guarded, user="token:anna")
    operations = ask(guarded, OPERATOR, "GET", f"/instances/{instance_id}/operations").json["operations"]
    assert create | {"id": 0, "created": "", "seconds": 0} == {
        "id": 0, "created": "", "seconds": 0, "request_id": made.headers["X-OpenStack-Request-Id"],
        "project_id": guarded.project, "user_id": "token:anna", "roles": ["member"], "how": "token",
        "address": "127.0.0.1", "action": "POST /v1.0/{project}/instances",
        "path": f"/v1.0/{guarded.project}/instances", "instance_id": instance_id, "rules": create["rules"],
        "status": 200, "outcome": "done", "operation_id": operations[-1]["id"], "made": None}
    assert "instance:create" in create["rules"]
    assert (delete["instance_id"], delete["status"], delete["rules"]) == (instance_id, 202, ["instance:delete"])
    assert delete["operation_id"] == operations[0]["id"] and nowhere["operation_id"] is None
    assert (nowhere["status"], nowhere["outcome"]) == (404, "refused")
    assert PLANTED not in str(rows(guarded, "/mgmt/audit"))


def test_who_may_not_look_is_written_down_once_a_minute(guarded: World) -> None:
    bert = member(guarded, "bert")
    for _ in range(3):
        ask(guarded, bert, "GET", "/mgmt/tokens")
        ask(guarded, "trove_nobodys", "GET", "/instances")
    [refused] = rows(guarded, user="token:bert")
    assert (refused["status"], refused["outcome"], refused["how"]) == (403, "refused", "token")
    [unknown] = [row for row in rows(guarded, outcome="refused") if row["status"] == 401]
    assert (unknown["user_id"], unknown["project_id"]) == ("", guarded.project)


def test_a_project_sees_its_own_and_an_administrator_all(guarded: World) -> None:
    member(guarded, "carl")
    other = ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "else", "project_id": "elsewhere"}})
    token = other.json["token"]["secret"]
    elsewhere = guarded.client.simulate_get("/v1.0/elsewhere/audit", headers={"X-Auth-Token": token})
    assert elsewhere.json["audit"] == []
    assert guarded.client.simulate_get("/v1.0/elsewhere/mgmt/audit",
                                       headers={"X-Auth-Token": token}).status_code == 403
    assert {row["project_id"] for row in rows(guarded, "/mgmt/audit")} >= {guarded.project, "elsewhere"}


def test_pages_follow_one_another(guarded: World) -> None:
    for number in range(3):
        member(guarded, f"page {number}")
    whole, after, found = rows(guarded), "0", []
    while page := rows(guarded, limit="2", after=after):
        found += page
        after = str(page[-1]["id"])
    assert [row["id"] for row in found] == [row["id"] for row in whole]


@pytest.mark.parametrize("query", ["after=x", "since=x", "outcome=x", "limit=0"])
def test_what_is_no_question_is_refused(guarded: World, query: str) -> None:
    assert ask(guarded, OPERATOR, "GET", f"/audit?{query}").status_code == 400


@pytest.mark.parametrize(("forwarded", "address"), [
    ("192.0.2.7", "192.0.2.7"), ("6.6.6.6, 192.0.2.7", "192.0.2.7"), ("192.0.2.7, 10.0.0.1", "192.0.2.7"),
    ("2001:DB8:0::7", "2001:db8::7"), ("192.0.2.7, ::ffff:10.0.0.1", "192.0.2.7"), ("unknown", "unknown"),
    ("", "127.0.0.1")])
def test_a_trusted_proxy_tells_who_asks_and_nobody_else_does(guarded: World, forwarded: str, address: str) -> None:
    answer = ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "t"}}, **{"X-Forwarded-For": forwarded})
    [row] = [row for row in rows(guarded) if row["request_id"] == answer.headers["X-OpenStack-Request-Id"]]
    assert row["address"] == address


@pytest.mark.parametrize(("peer", "address"), [
    ("10.0.0.9", "10.0.0.9"), ("::ffff:10.0.0.9", "10.0.0.9"), ("::ffff:10.0.0.1", "192.0.2.7")])
def test_who_is_no_proxy_of_ours_is_who_asks(guarded: World, peer: str, address: str) -> None:
    answer = guarded.ask("POST", "/mgmt/tokens", {"token": {"name": "t"}}, remote_addr=peer,
                         headers={"X-Auth-Token": OPERATOR, "X-Forwarded-For": "192.0.2.7"})
    [row] = [row for row in rows(guarded) if row["request_id"] == answer.headers["X-OpenStack-Request-Id"]]
    assert row["address"] == address


def test_a_change_that_was_cut_off_has_its_row(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trove.db.audit.Audit.end", lambda *_arguments: None)
        answer = ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "cut"}})
    [row] = [row for row in rows(guarded) if row["request_id"] == answer.headers["X-OpenStack-Request-Id"]]
    assert (row["outcome"], row["status"], row["seconds"]) == ("unknown", None, None)


def test_what_cannot_be_written_down_is_not_done(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_named: object) -> int:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("trove.db.audit.Audit.begin", away)
        assert ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "lost"}}).status_code == 500
    listed = ask(guarded, OPERATOR, "GET", "/mgmt/tokens?limit=1000").json["tokens"]
    assert "lost" not in [row["name"] for row in listed]


def test_an_outcome_that_cannot_be_written_down_leaves_the_answer(
        guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("trove.db.audit.Audit.end", away)
        answer = ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "kept"}})
    assert answer.status_code == 201
    assert [row["outcome"] for row in rows(guarded) if row["request_id"] == answer.headers["X-OpenStack-Request-Id"]
            ] == ["unknown"]


def test_what_was_made_is_named(guarded: World) -> None:
    token = ask(guarded, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "named"}})
    group = ask(guarded, OPERATOR, "POST", "/configurations", {"configuration": {
        "name": "g", "values": {"max_connections": 20}, "datastore": {"type": "mariadb", "version": "10.11"}}})
    assert [row["made"] for row in rows(guarded)][-2:] == [token.json["token"]["id"], group.json["configuration"]["id"]]


def test_all_rows_come_as_lines_to_who_wants_them(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trove.db.audit._TOGETHER", 2)
    for number in range(4):
        member(guarded, f"line {number}")

    def lines(query: str) -> list[dict[str, Any]]:
        answer = ask(guarded, OPERATOR, "GET", f"/audit?{query}", Accept="application/x-ndjson")
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]

    whole = rows(guarded)
    assert len(whole) > 4 and lines("") == whole
    assert lines("limit=3") == whole[:3]
    assert lines(f"after={whole[0]['id']}&outcome=done") == [row for row in whole[1:] if row["outcome"] == "done"]
    assert lines("user=nobody") == []


def test_a_look_for_what_is_not_the_projects_is_written_down(guarded: World) -> None:
    anna = member(guarded, "looks")
    other = make_world(guarded.store)
    wanted = {"name": "one", "flavorRef": "1", "volume": {"size": 1}}
    own = ask(guarded, anna, "POST", "/instances", {"instance": wanted}).json["instance"]["id"]
    guarded.build(own)
    others, nobodys = other.create()["id"], str(uuid.uuid4())
    for instance_id in (own, others, nobodys):
        ask(guarded, anna, "GET", f"/instances/{instance_id}")
        ask(guarded, anna, "GET", f"/instances/{instance_id}/events")
    ask(guarded, anna, "GET", f"/operations/{other.woken[0][1]}")
    ask(guarded, anna, "GET", f"/operations/{guarded.woken[-1][1]}")
    looks = [(row["instance_id"], row["path"].rpartition("/")[2], row["status"])
             for row in rows(guarded, user="token:looks") if row["action"].startswith("GET")]
    assert looks == [(others, others, 404), (others, "events", 404), (nobodys, nobodys, 404), (nobodys, "events", 404),
                     (None, other.woken[0][1], 404)]


def test_a_change_above_the_rate_is_written_down(tmp_path: Path) -> None:
    world = make_world(make_store(tmp_path), Settings(rates={"POST": 1}))
    wanted = {"instance": {"name": "one", "flavorRef": "1", "volume": {"size": 1}}}
    assert [world.ask("POST", "/instances", wanted).status_code for _ in range(4)] == [200, 413, 413, 413]
    told = world.ask("GET", "/audit").json["audit"]
    assert [(row["status"], row["outcome"], row["user_id"]) for row in told] == [
        (200, "done", "noauth"), (413, "refused", "noauth")]
    world.store.close()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def test_a_death_behind_the_commit_leaves_a_row_that_names_the_work(
        kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgresql.new_database(request.getfixturevalue("postgresql_server")) if kind == "postgresql" else ""
    stores.open_seeded(tmp_path, {"mariadb": "10.11"}, url).close()
    monkeypatch.setattr(Audit, "end", lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL))
    if (child := os.fork()) == 0:
        try:
            make_world(stores.open_seeded(tmp_path, {"mariadb": "10.11"}, url)).create()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    store = stores.open_seeded(tmp_path, {"mariadb": "10.11"}, url)
    [row] = Audit(store).page(Scope.EVERY_PROJECT, 10).items
    with store.read() as connection:
        [(operation_id, instance_id)] = connection.exec_driver_sql("SELECT id, instance_id FROM operations").all()
    assert (row.outcome, row.status, row.operation_id, row.instance_id) == ("unknown", None, operation_id, instance_id)
    store.close()


def test_an_administrator_holds_rows_against_the_chain(guarded: World) -> None:
    carl = member(guarded, "verifies")
    later = Chain(guarded.store, clock=lambda: time.time() + 3600)
    while later.extend():
        pass
    member(guarded, "after it")
    assert ask(guarded, carl, "GET", "/mgmt/audit/chain").status_code == 403
    [link] = ask(guarded, OPERATOR, "GET", "/mgmt/audit/chain?limit=1").json["chain"]
    assert link.keys() == {"id", "created", "after", "last", "rows", "digest", "verdict"}
    held = [row for row in rows(guarded, "/mgmt/audit") if row["id"] <= link["last"]]
    assert (link["verdict"], link["after"], link["rows"]) == ("whole", 0, len(held))
