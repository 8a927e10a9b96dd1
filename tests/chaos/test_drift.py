"""Somebody changes what is ours behind our back: it is put right or said, and no server is restarted unasked."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.awaiting import until
from tests.installation import Installation, kill, sql, uptime_start

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="only root can change these things")]

BRISK = "[DEFAULT]\nreport_interval = 1\nobserve_interval = 0.5\n"


class Subject:
    """An instance whose agent looks every second instead of every thirty, and its server."""

    def __init__(self, installed: Installation, instance: str, shown: dict[str, Any]) -> None:
        self.installed, self.instance, self.shown = installed, instance, shown
        self.home = installed.home(instance)
        self.server = installed.service_pid(instance, "database")

    def pid(self, service: str) -> int:
        return self.installed.service_pid(self.instance, service)

    def await_sentence(self, words: str, status: str) -> None:
        def said() -> bool:
            seen = self.installed.show(self.instance) or {}
            return words in seen["service_status_sentence"] and seen["operating_status"] == status
        until(said, 60, f"the instance is {status} and says: {words}")

    def await_health(self) -> None:
        self.installed.healthy(self.instance)

    def answers(self) -> bool:
        try:
            return sql(self.shown, "anna", "secret-anna", "SELECT 1") == ["1"]
        except AssertionError:
            return False

    def await_another(self, service: str, than: int) -> None:
        until(lambda: self.pid(service) not in (0, than), 60, f"another {service} runs")

    def is_untouched(self) -> bool:
        return self.pid("database") == self.server and self.answers()


@pytest.fixture(scope="module")
def made(battered: Installation) -> Iterator[Subject]:
    instance = battered.create("drifts")
    shown = battered.healthy(instance)
    extra = battered.home(instance) / "config" / "90-brisk.conf"
    extra.write_text(BRISK)
    shutil.chown(extra, extra.parent.stat().st_uid, extra.parent.stat().st_gid)
    subject = Subject(battered, instance, shown)
    agent = subject.pid("agent")
    kill(agent)
    subject.await_another("agent", agent)
    yield subject
    battered.delete(instance)
    battered.gone(instance)


@pytest.fixture
def subject(made: Subject) -> Subject:
    made.await_health()
    made.server = made.pid("database")
    return made


def test_a_configuration_file_is_put_right_and_said(subject: Subject) -> None:
    file = subject.home / "engine" / "mariadb.cnf"
    text, mode, owner = file.read_text(), file.stat().st_mode, (file.stat().st_uid, file.stat().st_gid)
    file.write_text("[mysqld]\nport = 1\n")
    until(lambda: file.read_text() == text, 60, "the file is as it was")
    subject.await_sentence("configuration file was changed", "HEALTHY")
    os.chown(file, 0, 0)
    file.chmod(0o600)
    until(lambda: (file.stat().st_mode, file.stat().st_uid, file.stat().st_gid) == (mode, *owner), 60, "its mode is")
    assert file.read_text() == text and subject.is_untouched()


def test_a_server_that_was_taken_down_by_hand_runs_again(subject: Subject) -> None:
    (subject.home / "services" / "database" / "supervise" / "control").write_bytes(b"d")  # as sv down does
    subject.await_another("database", subject.server)
    until(subject.answers, 60, "the server answers")


def test_the_agents_account_comes_back_and_the_tenants_stay_as_the_tenant_left_them(subject: Subject) -> None:
    status, answer = subject.installed.request("POST", f"/instances/{subject.instance}/root")
    assert status == 200
    account, password = (subject.home / "config").owner(), answer["user"]["password"]
    for statement in (f"DROP USER '{account}'@localhost", "REVOKE ALL ON shop.* FROM anna", "CREATE USER eve"):
        sql(subject.shown, "root", password, statement)
    subject.await_sentence(f"account {account} was changed", "HEALTHY")
    status, answer = subject.installed.request("GET", f"/instances/{subject.instance}/users")
    assert status == 200 and {user["name"]: user["databases"] for user in answer["users"]} == {"anna": [], "eve": []}
    assert subject.is_untouched()


def test_a_setting_that_a_superuser_changes_is_told_and_where_its_group_says_so_put_back(subject: Subject) -> None:
    installed, instance = subject.installed, subject.instance
    root = installed.openstack("database", "root", "enable", instance)["password"]
    kept = json.loads(installed.trovectl("configuration", "create", "kept", "max_connections=77", "--json"))
    group = f"/configurations/{kept['configuration']['id']}"
    installed.trovectl("configuration", "attach", instance, "kept")

    def has() -> str:
        return sql(subject.shown, "anna", "secret-anna", "SELECT @@GLOBAL.max_connections")[0]

    assert has() == "77"
    sql(subject.shown, "root", root, "SET GLOBAL max_connections = 55")
    subject.await_sentence("max_connections = '55', while its configuration has '77'.", "ACTIVE")
    assert has() == "55"

    assert installed.request("PATCH", group, {"configuration": {"values": {}, "repair": True}})[0] == 200
    until(lambda: has() == "77", 60, "the group is in force again")
    subject.await_health()
    sql(subject.shown, "root", root, "SET GLOBAL max_connections = 56")
    until(lambda: has() == "77", 60, "the setting is put back")
    told = "max_connections = '56', while its configuration has '77', which is in force again."
    until(lambda: told in str(installed.request("GET", f"/instances/{instance}/events?limit=1000")), 60, "it is told")
    assert subject.is_untouched()
    installed.trovectl("configuration", "detach", instance)
    installed.trovectl("configuration", "delete", "kept")


def test_what_only_root_can_put_right_is_said_and_then_put_right_by_the_control_plane(subject: Subject) -> None:
    data, run = subject.home / "volume" / "data", subject.home / "services" / "database" / "run"
    script = run.read_text()
    data.chmod(0o755)
    run.write_text("#!/bin/sh\nexec sleep 600\n")
    [limit] = [file for name in ("memory.max", "memory.limit_in_bytes")
               for file in Path("/sys/fs/cgroup").rglob(f"trove-{subject.instance}/{name}")]
    given = limit.read_text()
    limit.write_text(str(2 * int(given)))
    subject.await_sentence("has another owner or mode", "ACTIVE")
    subject.installed.down()
    subject.installed.up()
    subject.await_health()
    assert (data.stat().st_mode & 0o777, run.read_text(), limit.read_text()) == (0o750, script, given)
    assert subject.is_untouched()


def test_the_agent_keeps_to_what_it_knows_while_there_is_no_bus(subject: Subject) -> None:
    """No control plane and no broker; a server dies, an agent dies, and both together."""
    subject.installed.down()
    kill(subject.server)
    subject.await_another("database", subject.server)
    until(subject.answers, 60, "the server answers")
    second, agent = subject.pid("database"), subject.pid("agent")
    kill(agent)
    subject.await_another("agent", agent)
    assert subject.pid("database") == second
    agent = subject.pid("agent")
    os.kill(agent, signal.SIGSTOP)
    kill(second)
    kill(agent)
    subject.await_another("agent", agent)
    subject.await_another("database", second)
    until(subject.answers, 60, "the server answers again")
    began = uptime_start(subject.shown, "anna", "secret-anna")
    subject.installed.up()
    subject.await_health()
    assert abs(uptime_start(subject.shown, "anna", "secret-anna") - began) <= 2
