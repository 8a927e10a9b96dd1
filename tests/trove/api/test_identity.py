"""Who asks, by each strategy."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
from oslo_config import cfg
from sqlalchemy import update

from common.errors import Invalid
from common.secret import Secret
from tests.trove.api.world import World, make_store, make_world
from trove.api import context, errors, policy
from trove.api.identity.keystone import FromKeystone
from trove.api.identity.tokens import OwnTokens
from trove.api.settings import Settings
from trove.config import load
from trove.db import schema
from trove.db import tokens as rows
from trove.db.store import Store

OPERATOR = "of-the-state-directory"
CHECKOUT = Path(__file__).parents[3]
SETTINGS = Settings(auth_strategy="token", operator=Secret(OPERATOR))
USELESS = ("{", '"host:delete": "rule:nowhere"\n', "- 1\n")
LIES = {"X-Project-Id": "p", "X-User-Id": "root", "X-Roles": "admin", "X-Identity-Status": "Confirmed"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[World]:
    store = make_store(tmp_path)
    yield make_world(store, SETTINGS)
    store.close()


def ask(world: World, token: str | None, method: str = "GET", path: str = "/instances", body: object = None,
        **headers: str) -> falcon.testing.Result:
    sent = {**({} if token is None else {"X-Auth-Token": token}), **headers}
    return world.ask(method, path, body, headers=sent)


def made(world: World, **members: Any) -> str:
    """A new token, made as the operator makes it."""
    answer = ask(world, OPERATOR, "POST", "/mgmt/tokens", {"token": {"name": "tests"} | members})
    assert answer.status_code == 201, answer.text
    return str(answer.json["token"]["secret"])


def test_without_a_token_nobody_gets_in_below_a_project(guarded: World) -> None:
    for token in (None, "", "trove_x", "x" * 5000, "\xe4"):
        answer = ask(guarded, token)
        assert answer.status_code == 401 and list(answer.json) == ["unauthorized"]
        assert answer.headers["WWW-Authenticate"] == 'Token realm="trove"'
    assert ask(guarded, None, **LIES).status_code == 401
    for path in ("/", "/v1.0", "/healthcheck", "/openapi.json"):
        assert guarded.client.simulate_get(path).status_code in (200, 300)


def test_a_token_is_for_its_project_alone(guarded: World) -> None:
    token = made(guarded)
    assert ask(guarded, token).status_code == 200
    other = guarded.client.simulate_get("/v1.0/other/instances", headers={"X-Auth-Token": token})
    assert other.status_code == 403 and "another project" in other.json["forbidden"]["message"]


def test_a_members_token_is_no_administrators(guarded: World) -> None:
    member, admin = made(guarded), made(guarded, roles=["admin", "reader"])
    assert ask(guarded, member, path="/mgmt/tokens").status_code == 403
    assert ask(guarded, admin, path="/mgmt/tokens").status_code == 200
    assert ask(guarded, member, **LIES, path="/mgmt/tokens").status_code == 403


def test_a_token_is_not_kept_and_its_use_is(guarded: World, tmp_path: Path) -> None:
    token = made(guarded)
    ask(guarded, token)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"tests" in kept and token.encode() not in kept
    [listed] = ask(guarded, OPERATOR, path="/mgmt/tokens").json["tokens"]
    assert "secret" not in listed and (listed["name"], listed["roles"], listed["revoked"]) == (
        "tests", ["member"], None)
    assert listed["used"] is not None


def test_revoked_and_expired_tokens_are_of_no_use(guarded: World) -> None:
    revoked, expired = made(guarded, name="a"), made(guarded, name="b")
    ids = {row["name"]: row["id"] for row in ask(guarded, OPERATOR, path="/mgmt/tokens").json["tokens"]}
    for _ in range(2):
        assert ask(guarded, OPERATOR, "DELETE", f"/mgmt/tokens/{ids['a']}").status_code == 202
    with guarded.store.write() as connection:
        connection.execute(update(schema.api_tokens).where(schema.api_tokens.c.id == ids["b"]).values(expires=1.0))
    for token in (revoked, expired):
        assert ask(guarded, token).status_code == 401
    assert ask(guarded, OPERATOR, "DELETE", "/mgmt/tokens/none").status_code == 404


@pytest.mark.parametrize("members", [{"name": ""}, {"roles": []}, {"roles": ["a,b"]}, {"days": 0}, {"days": 9999},
                                     {"project_id": "a/b"}, {"secret": "mine"}])
def test_what_no_token_is_is_refused(guarded: World, members: dict[str, Any]) -> None:
    body = {"token": {"name": "tests"} | members}
    assert ask(guarded, OPERATOR, "POST", "/mgmt/tokens", body).status_code == 400


def test_the_operator_asks_for_every_project_and_sees_all(guarded: World) -> None:
    wanted = {"name": "one", "flavorRef": "1", "volume": {"size": 1}}
    instance = ask(guarded, made(guarded), "POST", "/instances", {"instance": wanted}).json["instance"]["id"]
    seen = guarded.client.simulate_get(f"/v1.0/elsewhere/instances/{instance}", headers={"X-Auth-Token": OPERATOR})
    assert seen.status_code == 200


def test_a_use_is_noted_about_once_a_minute(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = rows.Tokens(store)
    _, secret = tokens.create("tests", "p", frozenset({"member"}), 100.0)
    for _ in range(2):
        found = tokens.find(secret.reveal())
    assert found is not None and found.used is not None
    with store.write() as connection:
        connection.execute(update(schema.api_tokens).values(used=1.0))
    tokens.find(secret.reveal())
    again = tokens.find(secret.reveal())
    assert again is not None and again.used == 1.0


def test_an_operators_policy_stands_before_the_defaults(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    (tmp_path / "policy.yaml").write_text('"instance:index": "role:reader"\n')
    world = make_world(store, SETTINGS, policy.Rules(load([]), str(tmp_path)))
    member, reader = made(world), made(world, roles=["reader"])
    assert (ask(world, member).status_code, ask(world, reader).status_code) == (403, 200)
    (tmp_path / "policy.yaml").write_text('"instance:index": "role:member"\n"instance:create": "!"\n')
    assert (ask(world, member).status_code, ask(world, reader).status_code) == (200, 403)
    store.close()


def enforced(rules: policy.Rules, rule: str, *roles: str) -> str:
    """What is refused of it; nothing when it is allowed."""
    try:
        rules.enforce(rule, context.Caller("p", "anna", frozenset(roles), False, False, "req-1"), "p")
    except errors.Forbidden as refused:
        return refused.hint
    return ""


@pytest.mark.parametrize("text", USELESS)
def test_a_change_that_does_not_do_leaves_the_policy_as_it_was(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"host:delete": "role:carpenter"\n')
    rules = policy.Rules(load([]), str(tmp_path))
    file.write_text(text)
    for _ in range(2):
        assert enforced(rules, "host:delete", "member") == "It wants role:carpenter."
        assert enforced(rules, "host:delete", "carpenter") == ""
    file.unlink()
    assert enforced(rules, "host:delete", "carpenter") == "It wants admin."
    file.write_text('"host:delete": "role:plumber"\n')
    assert enforced(rules, "host:delete", "plumber") == ""


def test_roles_are_the_same_in_whatever_case(store: Store) -> None:
    tokens = rows.Tokens(store)
    _, secret = tokens.create("tests", "p", frozenset({"Admin"}), 100.0)
    asked = falcon.testing.create_req(headers={"X-Auth-Token": secret.reveal()})
    assert OwnTokens(tokens, ("ADMIN",)).identify(asked, "p", "req-1").is_admin


@pytest.mark.parametrize("text", USELESS)
def test_a_policy_that_does_not_do_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(Invalid, match=r"policy\.yaml cannot be used"):
        policy.Rules(load([]), str(tmp_path))


class Library:
    """In the place of keystonemiddleware: an answer of its own, or what it leaves for a token that Keystone knows."""

    def __init__(self, status: str = "204 No Content", **facts: str) -> None:
        self._status, self._facts = status, {
            "PROJECT_ID": "p", "USER_ID": "anna", "ROLES": "member", "IDENTITY_STATUS": "Confirmed"} | facts

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ.update({f"HTTP_X_{name}": text for name, text in self._facts.items()})
        start_response(self._status, [("WWW-Authenticate", 'Keystone uri="there"')])
        return [b"its own words"]


def identified(monkeypatch: pytest.MonkeyPatch, library: Library) -> context.Caller:
    monkeypatch.setattr("keystonemiddleware.auth_token.AuthProtocol", lambda *_: library)
    return FromKeystone(cfg.ConfigOpts(), ("Admin",)).identify(falcon.testing.create_req(), "p", "req-1")


def test_keystones_word_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = identified(monkeypatch, Library())
    assert (caller.user_id, caller.roles, caller.is_admin, caller.confined) == (
        "anna", frozenset({"member"}), False, False)
    assert identified(monkeypatch, Library(ROLES="member,admin")).is_admin
    with pytest.raises(errors.Forbidden, match="another project"):
        identified(monkeypatch, Library(PROJECT_ID="other"))


def test_what_keystone_does_not_vouch_for_is_401_and_its_silence_503(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(falcon.HTTPUnauthorized) as unknown:
        identified(monkeypatch, Library("401 Unauthorized"))
    assert unknown.value.headers == {"WWW-Authenticate": 'Keystone uri="there"'}
    for status in ("503 Service Unavailable", "500 Internal Server Error", "200 OK"):
        with pytest.raises(falcon.HTTPServiceUnavailable) as silent:
            identified(monkeypatch, Library(status))
        assert "Keystone does not answer" in str(silent.value.description)


def test_nobody_gets_in_where_the_decision_was_left_to_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(falcon.HTTPUnauthorized):
        identified(monkeypatch, Library(IDENTITY_STATUS="Invalid"))


def test_the_sample_of_the_policy_is_the_present_one() -> None:
    done = subprocess.run([Path(sys.executable).parent / "oslopolicy-sample-generator", "--namespace", "trove"],
                          capture_output=True, text=True, check=True)
    assert (CHECKOUT / "docs" / "reference" / "policy.yaml.sample").read_text() == done.stdout
