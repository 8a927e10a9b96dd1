"""A tenant's way through a Redis instance, with the unchanged ``openstack`` client and redis-cli, from outside."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.e2e import logs
from tests.installation import CommandFailed, Installation, address, ask, kill, until

pytestmark = pytest.mark.server

PASSWORD = "s3cret/Ä'\""


def asked_for(installed: Installation, name: str, *options: str) -> str:
    created = installed.openstack("database", "instance", "create", name, "--flavor", "1", "--size", "1",
                                  "--datastore", "redis", *options)
    return str(created["id"])


def test_a_cache_is_asked_for_used_and_given_back(installed: Installation) -> None:
    instance = asked_for(installed, "cache", "--users", f"anna:{PASSWORD}")
    shown = installed.healthy(instance)
    assert ask(shown, "anna", PASSWORD, "SET cart 7") == "OK"
    assert ask(shown, "anna", PASSWORD, "GET cart") == "7"
    for user, password in (("anna", "wrong"), ("default", "x"), ("os_admin", "x"), ("root", "x")):
        assert "WRONGPASS" in ask(shown, user, password, "PING")

    users_follow_the_commands(installed, instance, shown)
    logs.are_listed_and_shown(installed, instance, server="SYS")
    what_is_not_there_is_said(installed, instance)
    a_superuser_reaches_what_the_server_reaches(installed, instance, shown)
    a_server_that_was_killed_comes_back(installed, instance)
    nothing_is_left_after_delete(installed, instance)


def users_follow_the_commands(installed: Installation, instance: str, shown: dict[str, Any]) -> None:
    installed.openstack("database", "user", "create", instance, "bert@home", "first-1")
    listed = {row["Name"] for row in installed.openstack("database", "user", "list", instance)}
    assert listed == {"anna", "bert@home"}
    assert ask(shown, "bert@home", "first-1", "GET cart") == "7"
    assert "NOPERM" in ask(shown, "bert@home", "first-1", "CONFIG GET dir")
    installed.openstack("database", "user", "update", "attributes", instance, "bert@home", "--new_name", "berta",
                        "--new_password", "second-2")
    assert ask(shown, "berta", "second-2", "PING") == "PONG"
    assert "WRONGPASS" in ask(shown, "bert@home", "first-1", "PING")
    installed.openstack("database", "user", "delete", instance, "berta")
    assert "WRONGPASS" in ask(shown, "berta", "second-2", "PING")


def what_is_not_there_is_said(installed: Installation, instance: str) -> None:
    """By the control plane, in words that the client shows."""
    for command in (("db", "list", instance), ("db", "create", instance, "shop"), ("db", "delete", instance, "shop"),
                    ("user", "show", "access", instance, "anna"),
                    ("user", "grant", "access", instance, "anna", "shop")):
        with pytest.raises(CommandFailed, match=r"redis does not support this.*HTTP 422"):
            installed.openstack("database", *command)
    with pytest.raises(CommandFailed, match=r"redis has no databases.*HTTP 501"):
        installed.openstack("database", "user", "create", instance, "carl", "third-3", "--databases", "shop")


def a_superuser_reaches_what_the_server_reaches(installed: Installation, instance: str, shown: dict[str, Any]) -> None:
    root = installed.openstack("database", "root", "enable", instance)["password"]
    home = installed.home(instance)
    assert ask(shown, "root", root, "CONFIG GET dir").splitlines()[1].startswith(str(home / "volume"))
    for command in (f"CONFIG SET dir {home}/run", "CONFIG SET dbfilename evil.so", f"MODULE LOAD {home}/volume/evil.so",
                    "DEBUG SEGFAULT", "CONFIG REWRITE", "EVAL return(io.open('/etc/passwd')) 0"):
        assert "ERR" in ask(shown, "root", root, command), command
    if os.geteuid() == 0:
        key, server = home / "engine" / "key", installed.service_pid(instance, "database")
        assert key.stat().st_uid == Path(f"/proc/{installed.service_pid(instance, 'agent')}").stat().st_uid
        assert key.stat().st_mode & 0o077 == 0 and key.stat().st_uid != Path(f"/proc/{server}").stat().st_uid
        assert key.read_text() not in ask(shown, "root", root, "ACL LIST")
    assert ask(shown, "root", root, "ACL SETUSER os_admin >back-door") == "OK"
    assert ask(shown, "root", root, "ACL SAVE") == "OK"
    installed.openstack("database", "root", "disable", instance)
    assert "WRONGPASS" in ask(shown, "root", root, "PING")
    assert "WRONGPASS" in ask(shown, "os_admin", "back-door", "PING")
    assert (installed.show(instance) or {})["status"] == "ACTIVE"


def a_server_that_was_killed_comes_back(installed: Installation, instance: str) -> None:
    before = installed.service_pid(instance, "database")
    kill(before)
    until(lambda: installed.service_pid(instance, "database") not in (0, before), 60, "the server is started again")
    shown = installed.healthy(instance)

    def answered() -> str | None:
        answer = ask(shown, "anna", PASSWORD, "GET cart")  # what was seen last may be of before
        return None if "refused" in answer or "LOADING" in answer else answer

    assert until(answered, 60, "the server answers again") == "7"


def nothing_is_left_after_delete(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    assert leftovers.of_instance(installed.state, instance, address(shown))
    installed.openstack("database", "instance", "delete", instance)
    installed.gone(instance)
    assert leftovers.of_instance(installed.state, instance, address(shown)) == {}
