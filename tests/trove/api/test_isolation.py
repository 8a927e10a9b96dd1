"""What one project has, another one neither sees nor names nor guesses nor uses up."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import falcon.testing
import pytest

from common.contract import types as t
from common.secret import Secret
from tests.trove.api.calls import Call, calls
from tests.trove.api.matrix import NOWHERE, OWNED
from tests.trove.api.world import World, make_store, make_world
from trove.api import waits
from trove.api.settings import Settings
from trove.db.store import Store
from trove.db.tokens import Tokens

NAME, SECRET_NAME = "till", "a-name-of-the-shops"
ANYWHERE = {"user": "anna", "database": "orders", "datastore": "mariadb", "version": "10.11", "flavor": "1",
            "host": "h", "parameter": "max_connections", "log": "general", "token": NOWHERE}
PROJECT_CALLS = [call for call in calls() if not call.path.startswith("/mgmt/")]
OF_OWN_THINGS = [call for call in PROJECT_CALLS if any(part in call.path for part in OWNED)]
OF_A_PROJECT = [call for call in PROJECT_CALLS if call not in OF_OWN_THINGS and call.method == "GET"]


@dataclass
class Member:
    """Somebody with a token of one project."""

    world: World
    project: str
    token: str

    def ask(self, method: str, path: str, body: object = None, *, project: str | None = None,
            **headers: str) -> falcon.testing.Result:
        options = {} if body is None else {"json": body}
        return self.world.client.simulate_request(
            method, f"/v1.0/{project or self.project}{path}", headers={"X-Auth-Token": self.token} | headers, **options)

    def made(self, path: str, body: dict[str, Any]) -> str:
        answer = self.ask("POST", path, body)
        assert answer.status_code == 200, answer.text
        [thing] = answer.json.values()
        return str(thing["id"])


@dataclass
class Shop:
    """What the one project has. ``gone`` are ids of what it had."""

    member: Member
    ids: dict[str, str]
    gone: dict[str, str]

    @property
    def needles(self) -> list[str]:
        return [self.member.project, SECRET_NAME, *self.ids.values(), *self.gone.values()]

    def picture(self) -> list[Any]:
        """All that its member sees, and that a stranger must not change."""
        paths = [call.at(ANYWHERE | self.ids) for call in (*OF_OWN_THINGS, *OF_A_PROJECT)
                 if call.method == "GET" and not call.path.endswith("/audit")]
        return [self.member.ask("GET", path).json for path in paths]


def member(world: World, project: str, role: str = "member") -> Member:
    _, secret = Tokens(world.store).create(f"of {project}", project, frozenset({role}), 3600.0)
    return Member(world, project, secret.reveal())


def instance(who: Member, name: str = NAME, **members: Any) -> str:
    return who.made("/instances", {"instance": {"name": name, "flavorRef": "1", "volume": {"size": 1}} | members})


def group(who: Member, name: str = SECRET_NAME) -> str:
    return who.made("/configurations", {"configuration": {
        "name": name, "values": {"max_connections": 55}, "datastore": {"type": "mariadb"}}})


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = make_store(tmp_path_factory.mktemp("isolation"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def shop(own_store: Store) -> Shop:
    world = make_world(own_store, Settings(auth_strategy="token"))
    who = member(world, world.project)
    serving = things(who)
    deleted = {"instance_id": instance(who), "configuration": group(who)}
    deleted["operation_id"] = operation(who, deleted["instance_id"])
    world.build(deleted["instance_id"])
    assert who.ask("DELETE", f"/instances/{deleted['instance_id']}").status_code == 202
    assert who.ask("DELETE", f"/configurations/{deleted['configuration']}").status_code == 202
    return Shop(who, serving, deleted)


@pytest.fixture(scope="module")
def stranger(shop: Shop) -> Member:
    """With as much of its own, under the same names."""
    who = member(shop.member.world, "lab")
    things(who, NAME)
    return who


@pytest.fixture(scope="module")
def visitor(shop: Shop) -> Member:
    """One whose own audit has no path of the shop's."""
    who = member(shop.member.world, "visitors")
    things(who, NAME)
    return who


def things(who: Member, name: str = SECRET_NAME) -> dict[str, str]:
    world = who.world
    configuration = group(who, name)
    serving = instance(who, name, configuration=configuration)
    world.build(serving)
    world.observe(serving, t.ServiceStatus.HEALTHY)
    guest = world.guests.of(serving)
    guest.ensure_databases((t.Database(name="orders"),))
    guest.ensure_users((t.NewUser(name="anna", password=Secret("secret-anna"), databases=("orders",)),))
    guest.log_lines.append(f"{name} wrote this\n")
    return {"instance_id": serving, "configuration": configuration, "operation_id": operation(who, serving)}


def operation(who: Member, instance_id: str) -> str:
    return str(who.ask("GET", f"/instances/{instance_id}/operations").json["operations"][0]["id"])


def told(answer: falcon.testing.Result, ids: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, without the request id and with no ids but one."""
    headers = {name.lower(): text for name, text in answer.headers.items()}
    assert headers.pop("x-openstack-request-id")
    text = answer.text
    for each in ids.values():
        text = text.replace(each, NOWHERE)
    return answer.status_code, headers, text


@pytest.mark.parametrize("call", OF_OWN_THINGS, ids=lambda call: call.words)
def test_what_another_project_has_is_as_what_nobody_has(shop: Shop, stranger: Member, call: Call) -> None:
    nowhere = dict.fromkeys(shop.ids, NOWHERE)
    for body in {json.dumps(call.body): call.body, "null": None}.values():
        wanted = told(stranger.ask(call.method, call.at(ANYWHERE | nowhere), body), nowhere)
        assert wanted[0] >= 400
        for ids in (shop.ids, shop.gone):
            assert told(stranger.ask(call.method, call.at(ANYWHERE | ids), body), ids) == wanted


def test_none_of_that_changed_anything(shop: Shop, stranger: Member) -> None:
    before = shop.picture()
    for call in OF_OWN_THINGS:
        stranger.ask(call.method, call.at(ANYWHERE | shop.ids), call.body)
    assert shop.picture() == before


@pytest.mark.parametrize("call", OF_A_PROJECT, ids=lambda call: call.words)
def test_lists_have_nothing_of_another_project(shop: Shop, visitor: Member, call: Call) -> None:
    queries = ["", "?limit=1", *(f"?{name}={each}" for name in ("marker", "instance")
                                 for each in (*shop.ids.values(), SECRET_NAME)),
               f"?project_id={shop.member.project}", f"?tenant_id={shop.member.project}", "?all_tenants=1", "?after=0"]
    for query in queries:
        answer = visitor.ask("GET", f"{call.at(ANYWHERE)}{query}")
        asked = {each for each in shop.needles if each in query}
        assert [each for each in shop.needles if each in answer.text and each not in asked] == [], query
        if asked and answer.status_code >= 400:
            nowhere = query.partition("=")[0] + f"={NOWHERE}"
            [named] = [each for each in asked if f"={each}" in query]
            assert told(answer, {"asked": named})[::2] == told(
                visitor.ask("GET", f"{call.at(ANYWHERE)}{nowhere}"), {})[::2]


def test_by_the_path_of_another_project_everything_is_refused_as_where_there_is_none(
        shop: Shop, stranger: Member) -> None:
    for call in calls():
        path = call.at(ANYWHERE | shop.ids | {"owner": "lab"})
        refused = told(stranger.ask(call.method, path, call.body, project=shop.member.project), {})
        assert refused[0] == 403, call.words
        assert refused == told(stranger.ask(call.method, path, call.body, project="nobodys"), {}), call.words


def test_another_projects_group_is_none_to_have(shop: Shop, stranger: Member) -> None:
    own = instance(stranger, "without")
    stranger.world.build(own)
    for method, path, wrap in (("PUT", f"/instances/{own}", {}), ("PATCH", f"/instances/{own}", {}),
                               ("POST", "/instances", {"name": "x", "flavorRef": "1", "volume": {"size": 1}})):
        answers = [told(stranger.ask(method, path, {"instance": {**wrap, "configuration": each}}), {"asked": each})
                   for each in (shop.ids["configuration"], shop.gone["configuration"], NOWHERE)]
        assert answers[0] == answers[1] == answers[2] and answers[0][0] == 404, answers


def test_not_even_an_administrator_gives_it_to_another_projects_instance(shop: Shop, stranger: Member) -> None:
    own = instance(stranger, "mixed")
    stranger.world.build(own)
    admin = member(stranger.world, "operators", "admin")
    answer = admin.ask("PUT", f"/instances/{own}", {"instance": {"configuration": shop.ids["configuration"]}})
    assert answer.status_code == 404


def test_names_are_each_projects_own(shop: Shop, stranger: Member) -> None:
    mine = instance(stranger, SECRET_NAME)
    assert mine not in {row["id"] for row in shop.member.ask("GET", "/instances").json["instances"]}
    only_mine = instance(stranger, "of-the-lab-alone")
    stranger.world.build(only_mine)
    stranger.world.observe(only_mine, t.ServiceStatus.HEALTHY)
    assert stranger.ask("GET", "/instances/of-the-lab-alone/users").status_code == 200
    assert shop.member.ask("GET", "/instances/of-the-lab-alone/users").status_code == 404


def test_idempotency_keys_are_each_projects_own(shop: Shop, stranger: Member) -> None:
    body = {"instance": {"name": "once", "flavorRef": "1", "volume": {"size": 1}}}
    first = shop.member.ask("POST", "/instances", body, **{"Idempotency-Key": "the-same"})
    second = stranger.ask("POST", "/instances", body, **{"Idempotency-Key": "the-same"})
    other = stranger.ask("POST", "/configurations", {"configuration": {
        "name": "x", "values": {}, "datastore": {"type": "mariadb"}}}, **{"Idempotency-Key": "the-same"})
    assert first.status_code == second.status_code == 200
    assert first.json["instance"]["id"] != second.json["instance"]["id"]
    assert other.status_code == 422, "of the same project it is"


def test_a_quota_that_is_used_up_is_no_other_projects(own_store: Store) -> None:
    world = make_world(own_store, Settings(auth_strategy="token"))
    full, free = member(world, "full"), member(world, "free")
    admin = member(world, "operators", "admin")
    assert admin.ask("PUT", "/mgmt/quotas/full", {"quotas": {"instances": 1}}).status_code == 200
    instance(full)
    refused = full.ask("POST", "/instances", {"instance": {"name": "b", "flavorRef": "1", "volume": {"size": 1}}})
    assert refused.status_code == 413
    instance(free)
    assert free.ask("GET", "/mgmt/quotas/full").status_code == 403


def test_rates_are_each_projects_own_and_strangers_do_not_take_from_them(own_store: Store) -> None:
    world = make_world(own_store, Settings(auth_strategy="token", rates={"GET": 2}))
    busy, calm = member(world, "busy"), member(world, "calm")
    for _ in range(5):
        assert busy.ask("GET", "/flavors", project="calm").status_code == 403
        assert Member(world, "calm", "no-token").ask("GET", "/flavors").status_code == 401
    assert [busy.ask("GET", "/flavors").status_code for _ in range(3)] == [200, 200, 413]
    assert calm.ask("GET", "/flavors").status_code == 200


class Following:
    """A bell at which the next one begins to wait while the one before does."""

    rings, closed = 0, False

    def __init__(self, projects: list[str]) -> None:
        self._coming, self._present = iter(projects), [""]
        self.waited: list[str] = []
        self._waits = waits.Waits(self, 4)

    def follow(self) -> None:
        for project in self._coming:
            self._present.append(project)
            self._waits.until(lambda: False, bool, 30.0, project=project)
            self._present.pop()

    def wait(self, _heard: int, _seconds: float) -> bool:
        self.waited.append(self._present[-1])
        self.follow()
        self.closed = True
        return False


def test_one_project_does_not_take_all_places_to_wait() -> None:
    following = Following(["shop", "shop", "shop", "lab", "lab", "visitors"])
    following.follow()
    assert following.waited == ["shop", "shop", "lab", "lab"]


def test_metrics_name_no_project_and_nothing_of_one(shop: Shop) -> None:
    answer = shop.member.world.client.simulate_get("/metrics")
    assert answer.status_code == 200 and "trove_http_request" in answer.text
    assert [each for each in shop.needles if each in answer.text] == []
