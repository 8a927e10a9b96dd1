"""Every handler asks the policy; requests a minute are counted where that is configured."""

import inspect
from typing import Any

import falcon
import pytest
from oslo_policy.policy import PolicyNotRegistered

from common.errors import Invalid
from tests.trove.api.world import World, make_world
from trove.api import app, context, errors, policy
from trove.api.rates import Rates
from trove.api.routes import ROUTES
from trove.api.settings import Settings
from trove.db.store import Store

OPEN = {"/", "/v1.0", "/healthcheck", "/openapi.json", "/openapi.html", "/metrics"}
ACTIONS = {"/mgmt/instances/{instance_id}/action": {"stop": {}},
           "/{host}/action": {"check": {}}, "/action": {"restart": {}}, "/{operation_id}": {"retry": {}}}


class Nobody:
    """A policy that allows nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        self.asked.append((rule, project_id))
        raise errors.Forbidden("Nobody may.")


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """Method and path of every handler."""
    return [(name.removeprefix("on_").upper(), path) for path, resource in ROUTES.items()
            for name, _ in inspect.getmembers(resource, inspect.isfunction) if name.startswith("on_")]


def test_every_handler_asks_the_policy_first(store: Store, routes: list[tuple[str, str]]) -> None:
    assert len(routes) > 30
    nobody = Nobody()
    world = make_world(store, rules=nobody)
    for method, path in routes:
        if path in OPEN:
            continue
        nobody.asked.clear()
        where = path.format(project=world.project, instance_id="i", user="u", database="d", datastore="x", version="v",
                            flavor="f", operation_id="o", host="h", parameter="p", log="l", configuration="c",
                            token="t", owner=world.project)
        body = next((body for end, body in ACTIONS.items() if path.endswith(end)), {})
        options: dict[str, Any] = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
        answer = world.client.simulate_request(method, where, **options)
        assert answer.status_code == 403, f"{method} {path}"
        assert method == "HEAD" or list(answer.json) == ["forbidden"]
        [(rule, project_id)] = nobody.asked
        assert rule in policy.RULES and project_id == world.project


@pytest.mark.parametrize(("body", "rule"), [
    ({"restart": {}}, "instance:restart"),
    ({"reset_status": {}}, "instance:reset_status"),
    ({"upgrade_agent": {}}, "instance:upgrade_agent"),
    ({"rotate_keys": {}}, "instance:rotate_keys"),
    ({"reset_status": {"force_delete": {}}}, "instance:force_delete"),
])
def test_each_action_has_its_rule(store: Store, body: object, rule: str) -> None:
    nobody = Nobody()
    make_world(store, rules=nobody).ask("POST", "/instances/i/action", body)
    assert [asked for asked, _ in nobody.asked] == [rule]


def caller(project_id: str, *, is_admin: bool) -> context.Caller:
    return context.Caller(project_id, "u", frozenset(), is_admin=is_admin, confined=False, request_id="req-1")


DEFAULTS = policy.defaults()


@pytest.mark.parametrize("rule", sorted(policy.RULES))
def test_defaults(rule: str) -> None:
    DEFAULTS.enforce(rule, caller("a", is_admin=True), "b")
    for project_id, enough in (("a", (policy.ANYBODY, policy.ADMIN_OR_OWNER)), ("b", (policy.ANYBODY,))):
        if policy.RULES[rule] in enough:
            DEFAULTS.enforce(rule, caller("a", is_admin=False), project_id)
            continue
        with pytest.raises(errors.Forbidden, match=rule) as refused:
            DEFAULTS.enforce(rule, caller("a", is_admin=False), project_id)
        assert policy.RULES[rule] in refused.value.hint


def test_a_rule_that_there_is_not_allows_nothing() -> None:
    with pytest.raises(PolicyNotRegistered):
        DEFAULTS.enforce("instance:dance", caller("a", is_admin=True), "a")


def test_an_unknown_auth_strategy_stops_the_start(world: World) -> None:
    with pytest.raises(Invalid, match="There is no auth_strategy 'magic'"):
        app.create_app(world.commands, world.guests, world.desk, Settings(auth_strategy="magic"))


def test_rates_leak_and_are_per_project_and_verb() -> None:
    now = [0.0]
    rates = Rates({"GET": 2, "PUT": 1}, lambda: now[0])
    for _ in range(2):
        rates.take("a", "GET")
    with pytest.raises(falcon.HTTPContentTooLarge) as refused:
        rates.take("a", "GET")
    assert refused.value.headers == {"Retry-After": "30"}
    rates.take("b", "GET")
    rates.take("a", "DELETE")
    rates.take("a", "PATCH")
    with pytest.raises(falcon.HTTPContentTooLarge):
        rates.take("a", "PUT")
    now[0] = 30.0
    rates.take("a", "GET")
    with pytest.raises(falcon.HTTPContentTooLarge):
        rates.take("a", "GET")


def test_beyond_the_rate_is_413_with_retry_after(store: Store) -> None:
    world = make_world(store, Settings(rates={"GET": 1}))
    assert world.ask("GET", "/flavors").status_code == 200
    answer = world.ask("GET", "/flavors")
    assert answer.status_code == 413 and int(answer.headers["retry-after"]) > 50
    assert "overLimit" in answer.json
