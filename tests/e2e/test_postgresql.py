"""A tenant's way through a PostgreSQL instance, with the unchanged ``openstack`` client and psql, from outside."""

from typing import Any

import pytest

from tests import leftovers
from tests.e2e import logs
from tests.installation import CommandFailed, Installation, address, kill, psql, until

pytestmark = pytest.mark.server

PASSWORD = "s3cret/Ä'\""


def refused(instance: dict[str, Any], user: str, password: str, database: str = "shop") -> str:
    with pytest.raises(CommandFailed) as caught:
        psql(instance, user, password, "SELECT 1", database)
    return str(caught.value)


def asked_for(installed: Installation, name: str, *options: str) -> str:
    created = installed.openstack("database", "instance", "create", name, "--flavor", "1", "--size", "1",
                                  "--datastore", "postgresql", *options)
    return str(created["id"])


def test_a_database_is_asked_for_used_and_given_back(installed: Installation) -> None:
    instance = asked_for(installed, "orders", "--databases", "shop", "stock", "--users", f"anna:{PASSWORD}")
    shown = installed.healthy(instance)
    psql(shown, "anna", PASSWORD, "CREATE TABLE cart (id INT); INSERT INTO cart VALUES (7)")
    assert psql(shown, "anna", PASSWORD, "SELECT id FROM cart") == ["7"]
    assert "password authentication failed" in refused(shown, "anna", "wrong")
    assert "permission denied" in refused(shown, "anna", PASSWORD, "postgres")
    assert "pg_hba.conf rejects" in refused(shown, "postgres", PASSWORD)

    access_follows_the_commands(installed, instance)
    a_superuser_comes_and_goes(installed, instance)
    logs.are_listed_and_shown(installed, instance, general="USER", slow_query="USER")
    logs.are_switched_and_followed(installed, instance, lambda word: psql(shown, "anna", PASSWORD, f"SELECT '{word}'"))
    a_server_that_was_killed_comes_back(installed, instance)
    nothing_is_left_after_delete(installed, instance)


def access_follows_the_commands(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    installed.openstack("database", "db", "create", instance, "archive")
    listed = {row["Name"] for row in installed.openstack("database", "db", "list", instance)}
    assert listed == {"archive", "shop", "stock"}
    installed.openstack("database", "user", "create", instance, "bert@home", "first-1", "--databases", "archive")
    assert psql(shown, "bert@home", "first-1", "SELECT current_database()", "archive") == ["archive"]
    assert "permission denied" in refused(shown, "bert@home", "first-1")

    installed.openstack("database", "user", "grant", "access", instance, "bert@home", "shop")
    assert psql(shown, "bert@home", "first-1", "UPDATE cart SET id = id RETURNING id") == ["7"]
    shows = installed.openstack("database", "user", "show", "access", instance, "bert@home")
    assert {row["Name"] for row in shows} == {"archive", "shop"}
    installed.openstack("database", "user", "revoke", "access", instance, "bert@home", "shop")
    assert "permission denied" in refused(shown, "bert@home", "first-1")

    installed.openstack("database", "user", "update", "attributes", instance, "bert@home", "--new_name", "berta",
                        "--new_password", "second-2")
    assert psql(shown, "berta", "second-2", "SELECT 1", "archive") == ["1"]
    installed.openstack("database", "user", "delete", instance, "berta")
    assert "authentication failed" in refused(shown, "berta", "second-2", "archive")
    installed.openstack("database", "db", "delete", instance, "archive")
    assert {row["Name"] for row in installed.openstack("database", "db", "list", instance)} == {"shop", "stock"}


def a_superuser_comes_and_goes(installed: Installation, instance: str) -> None:
    """What he reaches meanwhile: test_superusers.py."""
    shown = installed.show(instance)
    assert shown is not None
    root = installed.openstack("database", "root", "enable", instance)["password"]
    assert psql(shown, "root", root, "SHOW is_superuser") == ["on"]
    installed.openstack("database", "root", "disable", instance)
    assert "authentication failed" in refused(shown, "root", root)


def a_server_that_was_killed_comes_back(installed: Installation, instance: str) -> None:
    before = installed.service_pid(instance, "database")
    kill(before)
    until(lambda: installed.service_pid(instance, "database") not in (0, before), 60, "the server is started again")
    shown = installed.healthy(instance)

    def answers() -> list[str] | None:
        try:
            return psql(shown, "anna", PASSWORD, "SELECT id FROM cart")
        except CommandFailed as failed:  # what was seen last may be of before
            assert "starting up" in str(failed) or "refused" in str(failed), failed
            return None

    assert until(answers, 60, "the server answers again") == ["7"]


def nothing_is_left_after_delete(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    assert leftovers.of_instance(installed.state, instance, address(shown))
    installed.openstack("database", "instance", "delete", instance)
    installed.gone(instance)
    assert leftovers.of_instance(installed.state, instance, address(shown)) == {}
