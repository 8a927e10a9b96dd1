"""The unchanged ``openstack`` client against the real server: every command whose part of the API there is."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.contract import types as t
from common.secret import Secret
from tests import openstack as openstack_client
from tests.trove.api.world import World
from trove.api import server

pytestmark = pytest.mark.server

Openstack = Callable[..., Any]


@pytest.fixture(scope="module")
def loaded() -> Iterator[openstack_client.Client]:
    with openstack_client.client() as made:
        yield made


@pytest.fixture
def run(world: World, tmp_path: Path,
        loaded: openstack_client.Client) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    made = server.Server(world.client.app, "127.0.0.1", 0)
    made.start()
    endpoint = f"http://127.0.0.1:{made.port}/v1.0/{world.project}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}

    def run_one(*arguments: str) -> subprocess.CompletedProcess[str]:
        return loaded.run(("--os-auth-type", "none", "--os-endpoint", endpoint, *arguments), environment)

    yield run_one
    made.stop()


@pytest.fixture
def openstack(run: Callable[..., subprocess.CompletedProcess[str]]) -> Openstack:
    """Runs a command that must succeed; decoded where it prints JSON, else the text."""
    def ask(*arguments: str) -> Any:
        ended = run(*arguments)
        assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
        return json.loads(ended.stdout) if "json" in arguments else ended.stdout
    return ask


def test_an_instance(world: World, openstack: Openstack) -> None:
    created = openstack("database", "instance", "create", "orders", "--flavor", "db.small", "--size", "1",
                        "--datastore", "mariadb", "--datastore-version", "10.11", "--databases", "shop", "stock",
                        "--users", "anna:pw-1", "-f", "json")
    assert (created["name"], created["status"], created["flavor"]) == ("orders", "BUILD", "1")
    instance_id = created["id"]
    world.build(instance_id)
    world.observe(instance_id, t.ServiceStatus.HEALTHY)

    [row] = openstack("database", "instance", "list", "-f", "json")
    assert (row["ID"], row["Status"], row["Operating Status"], row["Datastore"]) == (
        instance_id, "ACTIVE", "HEALTHY", "mariadb")
    assert (row["Datastore Version"], row["Flavor ID"], row["Size"], row["Public"]) == ("10.11", "1", 1, False)

    openstack("database", "instance", "update", instance_id, "--name", "sales")
    shown = openstack("database", "instance", "show", "sales", "-f", "json")
    assert (shown["id"], shown["volume"], shown["volume_used"]) == (instance_id, 1, 0.5)
    assert (shown["datastore"], shown["datastore_version_number"]) == ("mariadb", "10.11")

    openstack("database", "instance", "restart", "sales")
    assert openstack("database", "instance", "show", "sales", "-f", "json")["status"] == "REBOOT"
    openstack("database", "instance", "reset", "status", "sales")
    assert openstack("database", "instance", "show", "sales", "-f", "json")["status"] == "ACTIVE"
    assert "has been accepted" in openstack("database", "instance", "delete", "sales")
    assert openstack("database", "instance", "show", instance_id, "-f", "json")["status"] == "SHUTDOWN"


def test_a_failed_creation_and_its_removal_by_force(world: World, openstack: Openstack) -> None:
    first, second = world.create("first")["id"], world.create("second")["id"]
    world.fail(first, "The disk of this machine is full. Free 2 GB and create the instance again.", "create")
    shown = openstack("database", "instance", "show", "first", "-f", "json")
    assert shown["fault"] == "The disk of this machine is full. Free 2 GB and create the instance again."
    assert shown["fault_date"] and shown["fault_details"] == "create"
    openstack("database", "instance", "force", "delete", "first")
    openstack("database", "instance", "delete", "--force", second)
    rows = openstack("database", "instance", "list", "-f", "json")
    assert {row["Status"] for row in rows} == {"SHUTDOWN"}


def test_databases_and_users(world: World, openstack: Openstack) -> None:
    instance_id, guest = world.serving()
    openstack("database", "db", "create", "one", "shop", "--character_set", "utf8mb4")
    openstack("database", "db", "create", instance_id, "old")
    assert openstack("database", "db", "list", "one", "-f", "json") == [{"Name": "old"}, {"Name": "shop"}]
    openstack("database", "db", "delete", "one", "old")
    assert set(guest.databases) == {"shop"}

    openstack("database", "user", "create", "one", "anna.b", "pw-1", "--host", "10.0.0.0/255.255.255.0", "--databases",
              "shop")
    openstack("database", "user", "create", "one", "bert", "pw-2")
    assert openstack("database", "user", "list", "one", "-f", "json") == [
        {"Name": "anna.b", "Host": "10.0.0.0/255.255.255.0", "Databases": "shop"},
        {"Name": "bert", "Host": "%", "Databases": ""}]
    shown = openstack("database", "user", "show", "one", "anna.b", "--host", "10.0.0.0/255.255.255.0", "-f", "json")
    assert shown["databases"] == [{"name": "shop"}]

    openstack("database", "user", "grant", "access", "one", "bert", "shop")
    assert openstack("database", "user", "show", "access", "one", "bert", "-f", "json") == [{"Name": "shop"}]
    openstack("database", "user", "revoke", "access", "one", "bert", "shop")
    assert openstack("database", "user", "show", "access", "one", "bert", "-f", "json") == []
    openstack("database", "user", "update", "attributes", "one", "bert", "--new_name", "carl", "--new_password", "pw-3",
              "--new_host", "192.0.2.%")
    assert guest.accounts["carl", "192.0.2.%"].password == Secret("pw-3")
    openstack("database", "user", "delete", "one", "carl", "--host", "192.0.2.%")
    openstack("database", "user", "delete", "one", "anna.b", "--host", "10.0.0.0/255.255.255.0")
    assert not guest.accounts


def test_more_users_than_a_page(world: World, openstack: Openstack) -> None:
    instance_id, guest = world.serving()
    names = [f"u{number:02}@%" for number in range(45)]
    guest.ensure_users(tuple(t.NewUser(name=name, password=Secret("x")) for name in names))
    for key in (instance_id, "one"):  # the client asks for the second page under the text that it was given
        assert [row["Name"] for row in openstack("database", "user", "list", key, "-f", "json")] == names


def test_root(world: World, openstack: Openstack) -> None:
    _, guest = world.serving()
    assert openstack("database", "root", "show", "one", "-f", "json") == {"is_root_enabled": False}
    enabled = openstack("database", "root", "enable", "one", "--root_password", "pw-9", "-f", "json")
    assert enabled == {"name": "root", "password": "pw-9"}
    assert openstack("database", "root", "show", "one", "-f", "json") == {"is_root_enabled": True}
    openstack("database", "root", "disable", "one")
    assert guest.root_password is None


def test_configuration_groups(world: World, openstack: Openstack) -> None:
    instance_id, _ = world.serving()
    group = ("database", "configuration")
    made = openstack(*group, "create", "many", '{"max_connections": 200}', "--description", "For many.", "--datastore",
                     "mariadb", "--datastore-version", "10.11", "-f", "json")
    assert (made["name"], made["datastore_name"], json.loads(made["values"])) == (
        "many", "mariadb", {"max_connections": 200})
    [row] = openstack(*group, "list", "-f", "json")
    assert (row["ID"], row["Name"], row["Datastore Version Name"]) == (made["id"], "many", "10.11")
    openstack(*group, "attach", "one", "many")
    world.ask("POST", f"/instances/{instance_id}/action", {"reset_status": {}})
    assert openstack("database", "instance", "show", "one", "-f", "json")["configuration"] == made["id"]
    assert openstack(*group, "instances", "many", "-f", "json") == [{"ID": instance_id, "Name": "one"}]
    openstack(*group, "set", made["id"], '{"wait_timeout": 60}', "--name", "more")  # it replaces all values
    world.ask("POST", f"/instances/{instance_id}/action", {"reset_status": {}})
    assert json.loads(openstack(*group, "show", "more", "-f", "json")["values"]) == {"wait_timeout": 60}
    assert int(openstack(*group, "default", "one", "-f", "json")["wait_timeout"]) != 60
    openstack(*group, "detach", "one")
    world.ask("POST", f"/instances/{instance_id}/action", {"reset_status": {}})
    assert "configuration" not in openstack("database", "instance", "show", "one", "-f", "json")
    openstack(*group, "delete", "more")
    assert openstack(*group, "list", "-f", "json") == []


def test_what_there_is_to_choose_from(world: World, openstack: Openstack) -> None:
    [datastore] = openstack("datastore", "list", "-f", "json")
    assert datastore["Name"] == "mariadb"
    shown = openstack("datastore", "show", "mariadb", "-f", "json")
    assert (shown["id"], shown["default_version"]) == (datastore["ID"], "10.11")
    [version] = openstack("datastore", "version", "list", "mariadb", "-f", "json")
    assert (version["Name"], version["Version"]) == ("10.11", "10.11")
    for choice in (("10.11", "--datastore", "mariadb"), (version["ID"],)):
        assert openstack("datastore", "version", "show", *choice, "-f", "json")["id"] == version["ID"]

    flavors = openstack("database", "flavor", "list", "-f", "json")
    assert {"ID": 1, "Name": "db.small", "RAM": 512, "vCPUs": 1, "Disk": 0, "Ephemeral": 0} in flavors
    assert flavors == openstack("database", "flavor", "list", "--datastore-type", "mariadb", "--datastore-version-id",
                                version["ID"], "-f", "json")
    assert openstack("database", "flavor", "show", "db.small", "-f", "json")["ram"] == 512
    assert "max_volumes" in openstack("database", "limit", "list")


def test_what_can_be_set(openstack: Openstack) -> None:
    rows = openstack("database", "configuration", "parameter", "list", "10.11", "--datastore", "mariadb", "-f", "json")
    assert {"Name": "max_connections", "Type": "integer", "Min Size": 10, "Max Size": 100000,
            "Restart Required": False} in rows
    assert {"Name": "sql_mode", "Type": "string", "Min Size": "-", "Max Size": "-", "Restart Required": False} in rows
    shown = openstack("database", "configuration", "parameter", "show", "10.11", "innodb_buffer_pool_size",
                      "--datastore", "mariadb", "-f", "json")
    assert (shown["name"], shown["restart_required"]) == ("innodb_buffer_pool_size", False)


def test_a_refusal_reaches_the_person(world: World, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    world.serving()
    for arguments, words in (
        (("database", "db", "create", "one", "mysql"), "mysql"),
        (("database", "user", "delete", "one", "gone"), "There is no user gone@%"),
        (("database", "instance", "create", "two", "--flavor", "1", "--size", "1", "--is-public"), "no public network"),
        (("database", "instance", "resize", "volume", "one", "9"), "not supported"),
    ):
        ended = run(*arguments)
        assert ended.returncode != 0 and words in ended.stderr, ended.stderr


def test_logs(world: World, run: Callable[..., subprocess.CompletedProcess[str]], openstack: Openstack) -> None:
    instance, guest = world.serving()
    listed = openstack("database", "log", "list", instance, "-f", "json")
    assert [(row["Name"], row["Type"], row["Status"]) for row in listed] == [
        ("error", "SYS", "Unavailable"), ("general", "USER", "Disabled")]
    openstack("database", "log", "set", instance, "general", "--enable")
    assert guest.enabled_logs == {"general"}
    assert openstack("database", "log", "show", instance, "general", "-f", "json")["status"] == "Enabled"
    openstack("database", "log", "set", instance, "general", "--disable")
    assert not guest.enabled_logs
    refused = run("database", "log", "set", instance, "general", "--publish")
    assert refused.returncode and "there is no object store" in refused.stderr
