"""Groups of settings with the unchanged ``openstack`` client, on real servers: what is planned is what happens."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.awaiting import until
from tests.installation import Installation, ask, psql, sql

pytestmark = pytest.mark.server

PASSWORD = "secret-anna"
Plan = dict[str, tuple[str, str, bool]]
"""By name: what it was, what it becomes, and whether that takes a restart."""


def group(installed: Installation, name: str, datastore: str, version: str, **values: object) -> str:
    made = installed.openstack("database", "configuration", "create", name, json.dumps(values),
                               "--datastore", datastore, "--datastore-version", version)
    return str(made["id"])


def ended(installed: Installation, instance: str) -> dict[str, Any]:
    """The newest operation, when it has ended."""
    def newest() -> dict[str, Any] | None:
        found: dict[str, Any] = installed.request("GET", f"/instances/{instance}/operations")[1]["operations"][0]
        return found if found["state"] not in ("asked", "running") else None
    return until(newest, 60, "the operation has ended")


def done(installed: Installation, instance: str, *command: str) -> None:
    installed.openstack("database", "configuration", *command)
    assert ended(installed, instance)["state"] == "done"


def restarted(installed: Installation, instance: str) -> None:
    installed.openstack("database", "instance", "restart", instance)
    assert ended(installed, instance)["state"] == "done"
    installed.healthy(instance)


def planned(installed: Installation, path: str, body: dict[str, Any], method: str = "PUT") -> Plan:
    status, answer = installed.request(method, f"{path}?dry_run=true", body)
    assert status == 200, answer
    return {change["name"]: (change["was"], change["becomes"], change["restart_required"])
            for each in answer["plan"] for change in each["changes"]}


def attaching(installed: Installation, instance: str, configuration: str) -> Plan:
    return planned(installed, f"/instances/{instance}", {"instance": {"configuration": configuration}})


def setting(installed: Installation, configuration: str, **values: object) -> Plan:
    return planned(installed, f"/configurations/{configuration}", {"configuration": {"values": values}}, "PATCH")


def is_seen_by_the_client(installed: Installation, instance: str, configuration: str, name: str, value: int) -> None:
    """Which the instance has, with this value; by every command that changes nothing, and one that changes nothing
    else."""
    command = ("database", "configuration")
    shown = installed.openstack(*command, "show", configuration)
    datastore, version = shown["datastore_name"], shown["datastore_version_name"]
    assert json.loads(shown["values"])[name] == value
    installed.openstack(*command, "parameter", "set", configuration, json.dumps({name: value}))
    assert ended(installed, instance)["state"] == "done"
    assert configuration in {row["ID"] for row in installed.openstack(*command, "list")}
    assert [row["ID"] for row in installed.openstack(*command, "instances", configuration)] == [instance]
    assert int(installed.openstack(*command, "default", instance)[name]) != value
    of_version = (version, "--datastore", datastore)
    assert name in {row["Name"] for row in installed.openstack(*command, "parameter", "list", *of_version)}
    assert installed.openstack(*command, "parameter", "show", of_version[0], name, *of_version[1:])["type"] == "integer"
    assert standing(installed, configuration) in ("in_force", "restart_required")


def standing(installed: Installation, configuration: str) -> str:
    """How far it has come in the one instance that has it."""
    return str(installed.request("GET", f"/configurations/{configuration}/instances")[1]["instances"][0]["settings"])


def is_taken_after_a_restart_that_is_under_way(installed: Installation, instance: str, configuration: str,
                                               **values: object) -> None:
    status, answer = installed.request("POST", f"/instances/{instance}/action", {"restart": {}})
    assert status == 202, answer
    status, answer = installed.request("PATCH", f"/configurations/{configuration}",
                                       {"configuration": {"values": values}})
    assert status == 200, answer
    assert standing(installed, configuration) == "pending"
    until(lambda: standing(installed, configuration) == "in_force", 60, "the change is in force")
    operations = installed.request("GET", f"/instances/{instance}/operations")[1]["operations"]
    assert [(each["kind"], each["state"]) for each in operations[:2]] == [("configure", "done"), ("restart", "done")]


def waits(installed: Installation, instance: str, name: str) -> None:
    shown = until(lambda: (found := installed.show(instance)) and found.get("waiting_settings") and found, 30,
                  "a restart is due")
    assert (shown["waiting_settings"], shown["status"]) == ([name], "RESTART_REQUIRED")
    assert installed.openstack("database", "instance", "show", instance)["status"] == "RESTART_REQUIRED"


def is_rolled_back(installed: Installation, instance: str, deadly: str, name: str, has: Callable[[], str]) -> None:
    """With the group ``deadly`` the server does not start: it serves with what it had, and the instance says so."""
    before = has()
    was, becomes, restart = attaching(installed, instance, deadly)[name]
    assert (was, restart) == (before, True)
    done(installed, instance, "attach", instance, deadly)
    assert has() == before
    installed.openstack("database", "instance", "restart", instance)
    failed = ended(installed, instance)
    assert (failed["kind"], failed["state"]) == ("restart", "failed")
    message = failed["last_error"]["message"]
    assert name in message and "so the settings before are in force again" in message
    shown = until(lambda: (found := installed.show(instance)) and found["operating_status"] == "ACTIVE" and found, 60,
                  "the server serves")
    assert (shown["status"], has()) == ("ACTIVE", before)
    assert name in shown["fault"]["message"]
    assert setting(installed, deadly, **{name: becomes})[name][0] == before, "the next plan begins with what it has"
    done(installed, instance, "detach", instance)
    restarted(installed, instance)
    assert has() == before
    assert "fault" not in (installed.show(instance) or {})
    installed.openstack("database", "configuration", "delete", deadly)


def test_settings_of_mariadb_are_planned_brought_in_and_taken_back(installed: Installation) -> None:
    instance = installed.create("tuned")
    shown = installed.healthy(instance)

    def has(name: str) -> str:
        return sql(shown, "anna", PASSWORD, f"SELECT @@GLOBAL.{name}")[0]

    before = has("max_connections")
    tuned = group(installed, "tuned", "mariadb", "10.11", max_connections=77, innodb_log_buffer_size="4M")
    assert attaching(installed, instance, tuned) == {
        "max_connections": (before, "77", False), "innodb_log_buffer_size": ("8388608", "4194304", True)}
    assert has("max_connections") == before
    done(installed, instance, "attach", instance, tuned)
    assert has("max_connections") == "77"
    is_seen_by_the_client(installed, instance, tuned, "max_connections", 77)
    waits(installed, instance, "innodb_log_buffer_size")
    restarted(installed, instance)
    assert has("innodb_log_buffer_size") == "4194304"

    assert setting(installed, tuned, max_connections=50) == {"max_connections": ("77", "50", False)}
    done(installed, instance, "set", tuned, '{"max_connections": 50}')
    assert has("max_connections") == "50"
    restarted(installed, instance)  # for what it has no more
    is_taken_after_a_restart_that_is_under_way(installed, instance, tuned, max_connections=66)
    assert has("max_connections") == "66"
    done(installed, instance, "detach", instance)
    assert has("max_connections") == before
    restarted(installed, instance)
    installed.openstack("database", "configuration", "delete", tuned)

    greedy = group(installed, "greedy", "mariadb", "10.11", performance_schema=True,
                   performance_schema_events_statements_history_long_size=1048576)
    is_rolled_back(installed, instance, greedy, "performance_schema", lambda: "ON" if has("performance_schema") == "1"
                   else "OFF")
    installed.delete(instance)
    installed.gone(instance)


def test_settings_of_postgresql_are_planned_brought_in_and_taken_back(installed: Installation) -> None:
    instance = installed.create("tuned", engine="postgresql")
    shown = installed.healthy(instance)

    def has(name: str) -> str:
        return psql(shown, "anna", PASSWORD, f"SELECT setting FROM pg_settings WHERE name = '{name}'")[0]

    before = has("max_connections")
    tuned = group(installed, "tuned", "postgresql", "15", max_connections=60)
    assert attaching(installed, instance, tuned) == {"max_connections": (before, "60", True)}
    done(installed, instance, "attach", instance, tuned)
    is_seen_by_the_client(installed, instance, tuned, "max_connections", 60)
    for was, becomes in (("60", "90"), ("90", "40")):
        waits(installed, instance, "max_connections")
        restarted(installed, instance)
        assert has("max_connections") == was
        assert setting(installed, tuned, max_connections=int(becomes)) == {"max_connections": (was, becomes, True)}
        done(installed, instance, "set", tuned, json.dumps({"max_connections": int(becomes)}))
    done(installed, instance, "detach", instance)
    restarted(installed, instance)
    assert has("max_connections") == before
    installed.openstack("database", "configuration", "delete", tuned)

    deadly = group(installed, "deadly", "postgresql", "15", wal_level="minimal", max_wal_senders=5)
    is_rolled_back(installed, instance, deadly, "wal_level", lambda: has("wal_level"))
    installed.delete(instance)
    installed.gone(instance)


def test_settings_of_redis_are_planned_brought_in_and_taken_back(installed: Installation) -> None:
    instance = installed.create("tuned", databases=(), engine="redis")
    shown = installed.healthy(instance)
    root = installed.openstack("database", "root", "enable", instance)["password"]

    def has(name: str) -> str:
        return ask(shown, "root", root, f"CONFIG GET {name}").splitlines()[1]

    before = has("maxmemory")
    tuned = group(installed, "tuned", "redis", "7.0", maxmemory="64mb")
    assert attaching(installed, instance, tuned) == {"maxmemory": (before, "67108864", False)}
    done(installed, instance, "attach", instance, tuned)
    assert has("maxmemory") == "67108864"
    is_seen_by_the_client(installed, instance, tuned, "maxmemory", 67108864)
    assert setting(installed, tuned, maxmemory="32mb") == {"maxmemory": ("67108864", "33554432", False)}
    done(installed, instance, "set", tuned, '{"maxmemory": "32mb"}')
    assert has("maxmemory") == "33554432"
    done(installed, instance, "detach", instance)
    assert has("maxmemory") == before
    installed.openstack("database", "configuration", "delete", tuned)

    allow_no_databases(installed)
    deadly = group(installed, "deadly", "redis", "7.0", databases=0)
    is_rolled_back(installed, instance, deadly, "databases", lambda: has("databases"))
    installed.delete(instance)
    installed.gone(instance)


def allow_no_databases(installed: Installation) -> None:
    """Of itself the catalogue takes nothing with which Redis does not start; an operator's rule does."""
    versions = installed.request("GET", "/datastores/redis/versions")[1]["versions"]
    rule = {"name": "databases", "data_type": "integer", "restart_required": 1, "min_size": 0, "max_size": 100}
    status, answer = installed.request("PUT", f"/mgmt/datastores/versions/{versions[0]['id']}/parameters/databases",
                                       {"configuration-parameter": rule})
    assert status == 200, answer
