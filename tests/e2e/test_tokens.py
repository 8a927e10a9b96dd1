"""An installation that asks who asks, by tokens of its own: unchanged clients, over TLS, in two projects."""

import json

import pytest

from tests import ground
from tests.installation import CommandFailed, Installation, installation, sql

pytestmark = pytest.mark.server


def made(operator: Installation, project: str, *options: str) -> Installation:
    token = json.loads(operator.trovectl("token", "create", f"for {project}", "--project", project, "--json",
                                         *options))["token"]
    return operator.as_who_has(token["secret"], project)


def test_people_with_tokens_work_in_their_projects_alone() -> None:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text("[DEFAULT]\nauth_strategy = token\ntls_certificate = own\n")
        with installation(state) as operator:
            nobody_is_not_asked(operator)
            shop, lab = made(operator, "shop"), made(operator, "lab")
            instance = a_member_gets_a_database(shop)
            another_project_does_not_see_it(lab, instance)
            members_are_no_administrators(shop)
            what_was_revoked_is_of_no_use(operator, lab)
            an_administrators_token_administers(made(operator, "shop", "--role", "admin"))
            shop.openstack("database", "instance", "delete", instance)
            shop.gone(instance)
            all_of_it_is_in_the_audit(operator, shop, instance)


def nobody_is_not_asked(operator: Installation) -> None:
    status, answer = operator.request("GET", "/instances")
    assert (status, list(answer)) == (401, ["unauthorized"])
    with pytest.raises(CommandFailed, match="401"):
        operator.openstack("database", "instance", "list")
    assert json.loads(operator.trovectl("instance", "list", "--json"))["instances"] == [], "its operator is known"


def a_member_gets_a_database(shop: Installation) -> str:
    created = shop.openstack("database", "instance", "create", "till", "--flavor", "1", "--size", "1",
                             "--databases", "shop", "--users", "anna:secret-anna")
    instance = str(created["id"])
    shown = shop.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    origin = shop.endpoint.partition("/v1.0")[0]
    listed = shop.run([str(shop.programs / "trovectl"), "instance", "list", "--json", "--project", "shop",
                       "--endpoint", origin, "--cacert", shop.cacert])
    assert [row["id"] for row in json.loads(listed)["instances"]] == [instance]
    return instance


def another_project_does_not_see_it(lab: Installation, instance: str) -> None:
    assert lab.openstack("database", "instance", "list") == []
    assert lab.request("GET", f"/instances/{instance}")[0] == 404
    assert lab.as_who_has(lab.token, "shop").request("GET", f"/instances/{instance}")[0] == 403


def members_are_no_administrators(shop: Installation) -> None:
    for method, path in (("GET", "/mgmt/tokens"), ("GET", "/mgmt/hosts"), ("GET", "/mgmt/datastore-versions")):
        assert shop.request(method, path)[0] == 403, path


def what_was_revoked_is_of_no_use(operator: Installation, lab: Installation) -> None:
    [row] = [row for row in json.loads(operator.trovectl("token", "list", "--json"))["tokens"]
             if row["project_id"] == "lab"]
    assert row["used"] is not None
    operator.trovectl("token", "revoke", row["id"])
    assert lab.request("GET", "/instances")[0] == 401


def an_administrators_token_administers(admin: Installation) -> None:
    assert admin.request("GET", "/mgmt/hosts") == (200, {"hosts": []})


def all_of_it_is_in_the_audit(operator: Installation, shop: Installation, instance: str) -> None:
    rows = [json.loads(line) for line in operator.trovectl("audit", "--all-projects", "--json-lines").splitlines()]
    told = {(row["user_id"], row["action"], row["outcome"]): row for row in rows}
    create = told["token:for shop", "POST /v1.0/{project}/instances", "done"]
    assert told["system", "operation.create", "done"]["request_id"] == create["request_id"]
    assert told["token:for shop", "DELETE /v1.0/{project}/instances/{instance_id}", "done"]["instance_id"] == instance
    assert ("operator", "DELETE /v1.0/{project}/mgmt/tokens/{token}", "done") in told
    assert ("token:for shop", "GET /v1.0/{project}/mgmt/hosts", "refused") in told
    assert "secret-anna" not in str(rows) and shop.token not in str(rows)
    assert {row["project_id"] for row in shop.request("GET", "/audit")[1]["audit"]} == {"shop"}
