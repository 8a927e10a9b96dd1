"""What administrators do with instances and quotas, from outside: ``openstack``, trovectl and REST."""

import json
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.awaiting import until
from tests.installation import CommandFailed, Installation, kill, sql

pytestmark = pytest.mark.server

PASSWORD = "secret-anna"


def state(installed: Installation, instance: str) -> tuple[str, str]:
    shown = installed.show(instance)
    assert shown is not None
    return shown["status"], shown["operating_status"]


def newest(installed: Installation, instance: str) -> dict[str, Any]:
    found: dict[str, Any] = installed.request("GET", f"/instances/{instance}/operations")[1]["operations"][0]
    return found


def test_a_server_that_was_stopped_stays_down_until_it_is_restarted(installed: Installation) -> None:
    instance = installed.create("halted")
    shown = installed.healthy(instance)
    assert sql(shown, "anna", PASSWORD, "SELECT 1") == ["1"]
    installed.trovectl("instance", "stop", instance, "--wait")
    until(lambda: state(installed, instance) == ("ACTIVE", "SHUTDOWN"), 60, "it is said to be down")
    agent = installed.service_pid(instance, "agent")
    os.kill(agent, signal.SIGKILL)
    until(lambda: installed.service_pid(instance, "agent") not in (0, agent), 60, "another agent runs")
    until(lambda: installed.request("GET", f"/mgmt/instances/{instance}/rpc_ping")[0] == 204, 60, "which answers")
    assert state(installed, instance) == ("ACTIVE", "SHUTDOWN"), "nor does a new agent start it"
    with pytest.raises(CommandFailed):
        sql(shown, "anna", PASSWORD, "SELECT 1")
    installed.openstack("database", "instance", "restart", instance)
    installed.healthy(instance)
    assert sql(shown, "anna", PASSWORD, "SELECT 1") == ["1"]

    server = installed.service_pid(instance, "database")
    installed.openstack("database", "instance", "reboot", instance)
    until(lambda: newest(installed, instance)["state"] == "done", 120, "it has rebooted")
    assert newest(installed, instance)["kind"] == "reboot"
    installed.healthy(instance)
    assert installed.service_pid(instance, "database") != server
    assert sql(shown, "anna", PASSWORD, "SELECT 1") == ["1"]
    everywhere = installed.openstack("database", "instance", "list", "--all-projects")
    assert instance in {row["ID"] for row in everywhere}

    installed.delete(instance)
    installed.gone(instance)
    assert installed.request("GET", f"/mgmt/instances/{instance}")[1]["instance"]["deleted"] is True


def test_no_more_than_the_quota_is_made_whoever_dies(installed: Installation) -> None:
    """Of its own project: what else is there does not count."""
    crowd = installed.as_who_has("", "crowd")
    assert installed.request("PUT", "/mgmt/quotas/crowd", {"quotas": {"instances": 3}})[0] == 200
    body = {"instance": {"name": "one", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "redis"}}}
    with ThreadPoolExecutor(12) as people:
        answers = list(people.map(lambda _: crowd.request("POST", "/instances", body), range(12)))
    assert Counter(status for status, _ in answers) == {200: 3, 413: 9}
    kill(installed.pid)
    installed.up()
    instances = [answer["instance"]["id"] for status, answer in answers if status == 200]
    for instance in instances:
        crowd.healthy(instance)
    assert usage(installed) == {"instances": 3, "ram": 3 * 512, "volumes": 3, "backups": 0}
    for instance in instances:
        crowd.openstack("database", "instance", "delete", instance)
    kill(installed.pid)
    installed.up()
    for instance in instances:
        crowd.gone(instance)
    assert usage(installed) == {"instances": 0, "ram": 0, "volumes": 0, "backups": 0}
    shown = json.loads(installed.trovectl("quota", "show", "crowd", "--json"))["quotas"]
    assert {row["resource"]: row["limit"] for row in shown}["instances"] == 3


def usage(installed: Installation) -> dict[str, int]:
    return {row["resource"]: row["in_use"] for row in installed.request("GET", "/mgmt/quotas/crowd")[1]["quotas"]}
