"""Groups of settings with the unchanged ``openstack`` client, on real servers: what is planned is what happens."""

from typing import Any

import pytest

from tests.awaiting import until
from tests.installation import Installation, sql

pytestmark = pytest.mark.server


def group(installed: Installation, name: str, datastore: str, version: str, values: str) -> str:
    made = installed.openstack("database", "configuration", "create", name, values, "--datastore", datastore,
                               "--datastore-version", version)
    return str(made["id"])


def ended(installed: Installation, instance: str) -> dict[str, Any]:
    """The newest operation, when it has ended."""
    def newest() -> dict[str, Any] | None:
        found: dict[str, Any] = installed.request("GET", f"/instances/{instance}/operations")[1]["operations"][0]
        return found if found["state"] not in ("asked", "running") else None
    return until(newest, 60, "the operation has ended")


def planned(installed: Installation, path: str, body: dict[str, Any]) -> dict[str, tuple[str, str, bool]]:
    status, answer = installed.request("PUT", f"{path}?dry_run=true", body)
    assert status == 200, answer
    return {change["name"]: (change["was"], change["becomes"], change["restart_required"])
            for each in answer["plan"] for change in each["changes"]}


def test_settings_of_mariadb_are_planned_brought_in_and_taken_back(installed: Installation) -> None:
    instance = installed.create("tuned")
    shown = installed.healthy(instance)

    def connections() -> str:
        return sql(shown, "anna", "secret-anna", "SELECT @@GLOBAL.max_connections")[0]

    before = connections()
    tuned = group(installed, "tuned", "mariadb", "10.11", '{"max_connections": 77, "innodb_log_buffer_size": "4M"}')
    body = {"instance": {"configuration": tuned}}
    assert planned(installed, f"/instances/{instance}", body) == {
        "max_connections": (before, "77", False), "innodb_log_buffer_size": ("8388608", "4194304", True)}
    assert connections() == before

    installed.openstack("database", "configuration", "attach", instance, tuned)
    assert ended(installed, instance)["state"] == "done"
    assert connections() == "77"
    waits = until(lambda: (found := installed.show(instance)) and found.get("waiting_settings"), 30, "a restart is due")
    assert waits == ["innodb_log_buffer_size"]
    assert installed.openstack("database", "instance", "show", instance)["status"] == "RESTART_REQUIRED"

    installed.openstack("database", "instance", "restart", instance)
    installed.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT @@GLOBAL.innodb_log_buffer_size") == ["4194304"]

    installed.openstack("database", "configuration", "set", tuned, '{"max_connections": 50}')
    assert ended(installed, instance)["state"] == "done"
    assert connections() == "50"
    installed.openstack("database", "configuration", "detach", instance)
    assert ended(installed, instance)["state"] == "done"
    assert connections() == before
    installed.openstack("database", "configuration", "delete", tuned)
    installed.delete(instance)
    installed.gone(instance)


def test_settings_with_which_postgresql_does_not_start_are_rolled_back(installed: Installation) -> None:
    created = installed.openstack("database", "instance", "create", "broken", "--flavor", "1", "--size", "1",
                                  "--datastore", "postgresql")
    instance = str(created["id"])
    installed.healthy(instance)
    deadly = group(installed, "deadly", "postgresql", "15", '{"wal_level": "minimal", "max_wal_senders": 5}')
    assert {name: change[2] for name, change in planned(
        installed, f"/instances/{instance}", {"instance": {"configuration": deadly}}).items()} == {
            "wal_level": True, "max_wal_senders": True}
    installed.openstack("database", "configuration", "attach", instance, deadly)
    assert ended(installed, instance)["state"] == "done"
    installed.openstack("database", "instance", "restart", instance)
    failed = ended(installed, instance)
    assert (failed["kind"], failed["state"]) == ("restart", "failed")
    assert "wal_level" in failed["last_error"]["message"]
    shown = installed.show(instance)
    assert shown is not None and "wal_level" in shown["fault"]["message"]

    installed.openstack("database", "configuration", "detach", instance)
    assert ended(installed, instance)["state"] == "done"
    installed.healthy(instance)
    installed.openstack("database", "configuration", "delete", deadly)
    installed.delete(instance)
    installed.gone(instance)


def test_settings_of_redis_go_up_and_down(installed: Installation) -> None:
    created = installed.openstack("database", "instance", "create", "small", "--flavor", "1", "--size", "1",
                                  "--datastore", "redis")
    instance = str(created["id"])
    installed.healthy(instance)
    small = group(installed, "small", "redis", "7.0", '{"maxmemory": "64mb"}')
    for wanted, given in (("67108864", None), ("33554432", "32mb")):
        if given is None:
            installed.openstack("database", "configuration", "attach", instance, small)
        else:
            installed.openstack("database", "configuration", "set", small, f'{{"maxmemory": "{given}"}}')
        assert ended(installed, instance)["state"] == "done"
        status, shown = installed.request("GET", f"/configurations/{small}")
        assert (status, str(shown["configuration"]["values"]["maxmemory"])) == (200, wanted)
    assert installed.healthy(instance)["status"] == "ACTIVE"
    installed.delete(instance)
    installed.gone(instance)
