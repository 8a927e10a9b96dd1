"""Registered hosts over REST."""

from typing import Any

import pytest
from sqlalchemy import delete, update

from common.errors import HostFailed
from tests.trove.api.world import World, make_world
from tests.trove.machines import FACTS, KEY
from trove.api.errors import Forbidden
from trove.api.policy import Policy
from trove.db import schema, spots
from trove.db.store import Store
from trove.domain.placement import RESERVE_MB
from trove.domain.spots import Spot

FINGERPRINT_BEGINS = "SHA256:"


@pytest.fixture(autouse=True)
def _nobody_else(store: Store) -> None:
    """Hosts belong to no project, and tests share the store."""
    with store.write() as connection:
        connection.execute(update(schema.instances).values(host=None, address=None, port=None))
        connection.execute(delete(schema.hosts))


def add(world: World, name: str = "db1", **members: Any) -> Any:
    wanted = {"name": name, "address": f"{name}.example", "listen_address": f"192.0.2.{name[2:]}",
              "host_key": f"{KEY} root@{name}"} | members
    return world.ask("POST", "/mgmt/hosts", {"host": wanted})


def stand(world: World, host: str, port: int = 3306) -> str:
    instance_id: str = world.create(f"on {host}")["id"]
    with world.store.write() as connection:
        spots.store(connection, instance_id, Spot(host, f"{host}.example", port))
    return instance_id


def test_a_registered_host_is_looked_at_and_shown(world: World) -> None:
    answer = add(world, user="trove", port=2222, listen_address="192.0.2.7")
    assert answer.status_code == 201
    shown = answer.json["host"]
    assert (shown["name"], shown["address"], shown["port"], shown["user"], shown["listen_address"]) == (
        "db1", "db1.example", 2222, "trove", "192.0.2.7")
    assert (shown["state"], shown["problem"], shown["instances"], shown["host_key"]) == ("active", None, [], KEY)
    assert shown["seen"]["memory_free_mb"] == FACTS.memory_mb - RESERVE_MB
    assert world.ask("GET", "/mgmt/hosts/db1").json["host"] == shown
    assert world.ask("GET", "/mgmt/hosts").json["hosts"] == [shown]


def test_what_stands_there_counts_and_is_named(world: World) -> None:
    add(world)
    instance_id = stand(world, "db1")
    shown = world.ask("GET", "/mgmt/hosts/db1").json["host"]
    assert shown["instances"] == [instance_id]
    assert shown["seen"]["disk_free_gb"] == FACTS.disk_gb - 2
    assert shown["seen"]["memory_free_mb"] < FACTS.memory_mb - RESERVE_MB


def test_a_machine_that_is_not_well_is_registered_with_what_is_wrong(world: World) -> None:
    world.machines.wrong["db1.example"] = HostFailed("sudo is missing on the host db1.", "Run: apt-get install sudo")
    answer = add(world)
    assert answer.status_code == 201
    assert answer.json["host"]["problem"] == "sudo is missing on the host db1. Run: apt-get install sudo"
    assert answer.json["host"]["seen"] is None
    world.machines.wrong.clear()
    looked = world.ask("POST", "/mgmt/hosts/db1/action", {"check": {}}).json["host"]
    assert looked["problem"] is None and looked["seen"]["memory_mb"]


@pytest.mark.parametrize("second", [{"name": "db1", "address": "db2.example"},
                                    {"name": "db2", "address": "db1.example"}])
def test_a_name_and_an_address_are_taken_once(world: World, second: dict[str, str]) -> None:
    add(world)
    answer = add(world, **second)
    assert answer.status_code == 409
    assert "is another host's" in answer.json["conflict"]["message"]


@pytest.mark.parametrize(("members", "said"), [
    ({"name": "Db_1"}, "a name of small letters"),
    ({"address": "-oProxyCommand=x"}, "an address or a name of DNS"),
    ({"user": "root; x"}, "a login name of Linux"),
    ({"port": 0}, ">= 1"),
    ({"listen_address": "db1.example"}, "an IP address"),
    ({"listen_address": None}, "db1.example stands for no address"),
    ({"host_key": "ssh-dss AAAA"}, "no public host key"),
    ({"usr": "trove"}, "unknown field `usr`"),
])
def test_what_cannot_be_is_refused(world: World, members: dict[str, object], said: str) -> None:
    answer = add(world, **members)
    assert answer.status_code == 400
    assert said in answer.json["badRequest"]["message"]
    assert world.ask("GET", "/mgmt/hosts").json == {"hosts": []}


def test_draining_moves_nothing_and_is_taken_back(world: World) -> None:
    add(world)
    instance_id = stand(world, "db1")
    drained = world.ask("POST", "/mgmt/hosts/db1/action", {"drain": {}})
    assert (drained.status_code, drained.json["host"]["state"], drained.json["host"]["instances"]) == (
        200, "draining", [instance_id])
    assert world.ask("POST", "/mgmt/hosts/db1/action", {"activate": {}}).json["host"]["state"] == "active"


@pytest.mark.parametrize(("body", "said"), [({"halt": {}}, "no action 'halt'"), ({"drain": {"now": 1}}, "empty object"),
                                            ({}, "has 0"), ({"drain": {}, "check": {}}, "has 2")])
def test_other_actions_are_refused(world: World, body: dict[str, object], said: str) -> None:
    add(world)
    answer = world.ask("POST", "/mgmt/hosts/db1/action", body)
    assert answer.status_code == 400 and said in answer.json["badRequest"]["message"]


def test_a_host_with_instances_stays(world: World) -> None:
    add(world)
    instance_id = stand(world, "db1")
    answer = world.ask("DELETE", "/mgmt/hosts/db1")
    assert answer.status_code == 409 and instance_id in answer.json["conflict"]["message"]
    add(world, "db2")
    assert world.ask("DELETE", "/mgmt/hosts/db2").status_code == 202
    assert world.ask("GET", "/mgmt/hosts/db2").status_code == 404


def test_a_lost_host_is_asked_nothing_and_taken_back(world: World) -> None:
    add(world)
    instance_id = stand(world, "db1")
    lost = world.ask("POST", "/mgmt/hosts/db1/action", {"lose": {}})
    assert (lost.status_code, lost.json["host"]["state"], lost.json["host"]["instances"]) == (
        200, "lost", [instance_id])
    for action in ("check", "drain"):
        answer = world.ask("POST", "/mgmt/hosts/db1/action", {action: {}})
        assert answer.status_code == 409 and "lost for good" in answer.json["conflict"]["message"]
    assert world.ask("DELETE", "/mgmt/hosts/db1").status_code == 409
    assert world.ask("POST", "/mgmt/hosts/db1/action", {"activate": {}}).json["host"]["state"] == "active"


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/action")])
def test_a_host_that_there_is_not(world: World, method: str, path: str) -> None:
    answer = world.ask(method, f"/mgmt/hosts/db9{path}", {"check": {}} if method == "POST" else None)
    assert answer.status_code == 404 and "There is no host db9." in answer.json["itemNotFound"]["message"]


def test_the_key_of_a_machine_is_shown_with_its_fingerprint(world: World) -> None:
    shown = world.ask("GET", "/mgmt/host-keys?address=db1.example&port=2222").json
    assert shown["host_key"] == KEY and shown["fingerprint"].startswith(FINGERPRINT_BEGINS)
    world.machines.down.add("db1.example")
    assert world.ask("GET", "/mgmt/host-keys?address=db1.example").status_code == 503
    assert world.ask("GET", "/mgmt/host-keys?address=db1.example&port=x").status_code == 400
    assert world.ask("GET", "/mgmt/host-keys").status_code == 400


class Nobody(Policy):
    def enforce(self, rule: str, caller: object, project_id: str) -> None:
        if rule.startswith("host:"):
            raise Forbidden(f"The policy does not allow {rule} here.", "It wants admin.")


def test_only_whom_the_policy_lets_sees_hosts(store: Store) -> None:
    world = make_world(store, rules=Nobody())
    for method, path in (("GET", "/mgmt/hosts"), ("GET", "/mgmt/hosts/x"), ("DELETE", "/mgmt/hosts/x"),
                         ("GET", "/mgmt/host-keys?address=x")):
        assert world.ask(method, path).status_code == 403
    assert add(world).status_code == 403
    assert world.ask("POST", "/mgmt/hosts/x/action", {"drain": {}}).status_code == 403


def test_database_servers_listen_where_the_address_leads(world: World) -> None:
    assert add(world, address="127.0.0.9", listen_address=None).json["host"]["listen_address"] == "127.0.0.9"
