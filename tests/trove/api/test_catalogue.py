"""What there is to choose from: versions of the API, datastores, flavors, limits."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from tests.trove.api.world import World, make_store, make_world
from trove.api import context, identity
from trove.api.settings import Settings
from trove.db import schema
from trove.db.store import Store


def test_versions_document(world: World) -> None:
    version = {"id": "v1.0", "status": "CURRENT", "updated": "2012-08-01T00:00:00Z",
               "links": [{"rel": "self", "href": "http://falconframework.org/v1.0/"}]}
    assert world.client.simulate_get("/").json == {"versions": [version]}
    assert world.client.simulate_get("/v1.0/").json == {"version": version}


def test_public_endpoint_is_what_links_name(store: Store) -> None:
    world = make_world(store, Settings(public_endpoint="https://db.example.org/"))
    [version] = world.client.simulate_get("/").json["versions"]
    assert version["links"][0]["href"] == "https://db.example.org/v1.0/"
    assert world.create()["links"][0]["href"].startswith("https://db.example.org/v1.0/")


def test_healthcheck(world: World) -> None:
    assert world.client.simulate_head("/healthcheck").status_code == 200
    answer = world.client.simulate_get("/healthcheck")
    assert (answer.status_code, answer.text) == (200, "OK")


def test_datastores(world: World) -> None:
    [datastore] = world.ask("GET", "/datastores").json["datastores"]
    [version] = datastore["versions"]
    assert datastore["name"] == "mariadb" and datastore["default_version"] == version["id"]
    assert set(datastore) == {"id", "name", "links", "versions", "default_version"}
    assert (version["name"], version["version"]) == ("10.11", "10.11") and "datastore" not in version
    for key in ("mariadb", datastore["id"]):
        assert world.ask("GET", f"/datastores/{key}").json == {"datastore": datastore}


def test_datastore_versions(world: World) -> None:
    [version] = world.ask("GET", "/datastores/mariadb/versions").json["versions"]
    assert set(version) == {"id", "name", "version", "links", "datastore", "active", "packages", "image", "image_tags",
                            "registry_ext", "repl_strategy"}
    for path in ("mariadb/versions/10.11", f"mariadb/versions/{version['id']}", f"versions/{version['id']}"):
        assert world.ask("GET", f"/datastores/{path}").json == {"version": version}


def test_flavors(world: World) -> None:
    flavors = world.ask("GET", "/flavors").json["flavors"]
    assert [flavor["id"] for flavor in flavors] == [1, 2, 3, 4, 5]
    [small] = [flavor for flavor in flavors if flavor["name"] == "db.small"]
    assert {key: small[key] for key in ("str_id", "ram", "vcpus", "disk", "ephemeral")} == {
        "str_id": "1", "ram": 512, "vcpus": 1, "disk": 0, "ephemeral": 0}
    assert world.ask("GET", "/flavors/1").json == {"flavor": small}
    assert world.ask("GET", "/datastores/mariadb/versions/10.11/flavors").json == {"flavors": flavors}


@pytest.mark.parametrize("path", [
    "/datastores/oracle", "/datastores/oracle/versions", "/datastores/mariadb/versions/1", "/datastores/versions/1",
    "/datastores/mariadb/versions/1/flavors", "/flavors/99", "/flavors/db.small",
])
def test_unknown_is_404(world: World, path: str) -> None:
    assert "itemNotFound" in world.ask("GET", path).json


def test_limits(world: World, store: Store) -> None:
    world.commands.set_quotas(world.project, {"instances": 7, "ram": 4096})
    assert world.ask("GET", "/limits").json == {"limits": [
        {"verb": "ABSOLUTE", "max_instances": 7, "max_ram": 4096, "max_volumes": -1, "max_backups": 50}]}
    limited = make_world(store, Settings(rates={"GET": 60}))
    limited.ask("GET", "/flavors")
    [_, rate] = limited.ask("GET", "/limits").json["limits"]
    assert set(rate) == {"verb", "uri", "regex", "value", "remaining", "unit", "nextAvailable"}
    assert (rate["verb"], rate["value"], rate["remaining"], rate["unit"]) == ("GET", 60, 58, "MINUTE")


class Member(identity.NoAuth):
    """Somebody who is no administrator."""

    def identify(self, _req: object, project_id: str, request_id: str) -> context.Caller:
        return context.Caller(project_id, "u1", frozenset({"member"}), is_admin=False, confined=False,
                              request_id=request_id)


@pytest.fixture
def member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A member's view of a store that has an inactive version and a flavor whose id is no number."""
    monkeypatch.setattr(identity, "NoAuth", Member)
    store = make_store(tmp_path)
    world = make_world(store)
    [datastore] = world.commands.list_datastores()
    with store.write() as connection:
        connection.execute(insert(schema.datastore_versions).values(
            id="off", datastore_id=datastore.id, name="old", version="5.5", active=False))
        connection.execute(insert(schema.flavors).values(id="m1.tiny", name="tiny", ram=256, vcpus=1))
    return world


def test_members_do_not_see_what_is_switched_off(member: World) -> None:
    [datastore] = member.ask("GET", "/datastores").json["datastores"]
    assert [version["name"] for version in datastore["versions"]] == ["10.11"]
    [version] = member.ask("GET", "/datastores/mariadb/versions").json["versions"]
    assert version["name"] == "10.11"
    assert member.ask("GET", "/datastores/versions/off").status_code == 404
    assert member.ask("GET", "/datastores/mariadb/versions/old").status_code == 404
    assert set(datastore["versions"][0]) == {"id", "name", "version", "links"}


def test_members_do_not_see_what_is_for_administrators(member: World) -> None:
    instance_id = member.create()["id"]
    member.fail(instance_id, "It broke.", "a trace")
    view = member.ask("GET", f"/instances/{instance_id}").json["instance"]
    assert not {"tenant_id", "server", "server_id", "volume_id", "encrypted_rpc_messaging"} & set(view)
    assert view["fault"]["details"] is None
    answer = member.ask("POST", f"/instances/{instance_id}/action", {"reset_status": {}})
    assert answer.status_code == 403 and "instance:reset_status" in answer.json["forbidden"]["message"]


def test_a_flavor_whose_id_is_no_number_has_a_text_id(member: World) -> None:
    flavor = member.ask("GET", "/flavors/m1.tiny").json["flavor"]
    assert (flavor["id"], flavor["str_id"]) == (None, "m1.tiny")
    assert member.create(flavorRef="m1.tiny")["flavor"]["id"] == "m1.tiny"
