"""A tenant's way through an instance's life, with the unchanged ``openstack`` client and a SQL client, from outside."""

import pytest

from tests import leftovers
from tests.broker_view import BrokerView
from tests.e2e import logs
from tests.installation import CommandFailed, Installation, address, sql, uptime_start

pytestmark = pytest.mark.server


def refused(instance: dict, user: str, password: str, statement: str, database: str = "") -> str:
    with pytest.raises(CommandFailed) as caught:
        sql(instance, user, password, statement, database)
    return str(caught.value)


def test_a_database_is_asked_for_used_and_given_back(installed: Installation) -> None:
    created = installed.openstack(
        "database", "instance", "create", "orders", "--flavor", "1", "--size", "1", "--datastore", "mariadb",
        "--datastore-version", "10.11", "--databases", "shop", "stock", "--users", "anna:s3cret/Ä'\"")
    instance = created["id"]
    shown = installed.healthy(instance)
    assert shown["volume"]["size"] == 1 and 0 < shown["volume"]["used"] < 1
    assert [row["ID"] for row in installed.openstack("database", "instance", "list")] == [instance]

    sql(shown, "anna", "s3cret/Ä'\"", "CREATE TABLE cart (id INT); INSERT INTO cart VALUES (7)", "shop")
    assert sql(shown, "anna", "s3cret/Ä'\"", "SELECT id FROM cart", "shop") == ["7"]
    assert "Access denied" in refused(shown, "anna", "wrong", "SELECT 1")
    assert "command denied" in refused(shown, "anna", "s3cret/Ä'\"", "SELECT User FROM mysql.user")

    access_follows_the_commands(installed, instance)
    root_opens_and_closes(installed, instance)
    logs.are_listed_and_shown(installed, instance, error="SYS", general="USER", slow_query="USER")
    logs.are_switched_and_followed(
        installed, instance, lambda word: sql(shown, "anna", "s3cret/Ä'\"", f"SELECT '{word}'", "shop"), 100)
    a_restart_is_a_restart(installed, instance)
    nothing_is_left_after_delete(installed, instance)


def access_follows_the_commands(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    installed.openstack("database", "db", "create", instance, "archive")
    listed = {row["Name"] for row in installed.openstack("database", "db", "list", instance)}
    assert listed == {"archive", "shop", "stock"}
    installed.openstack("database", "user", "create", instance, "bert", "first-1", "--databases", "archive")
    assert sql(shown, "bert", "first-1", "SELECT DATABASE()", "archive") == ["archive"]
    assert "Access denied" in refused(shown, "bert", "first-1", "SELECT 1", "shop")

    installed.openstack("database", "user", "grant", "access", instance, "bert", "shop")
    assert sql(shown, "bert", "first-1", "SELECT id FROM cart", "shop") == ["7"]
    assert {row["Name"] for row in installed.openstack("database", "user", "show", "access", instance, "bert")} == {
        "archive", "shop"}
    installed.openstack("database", "user", "revoke", "access", instance, "bert", "shop")
    assert "Access denied" in refused(shown, "bert", "first-1", "SELECT 1", "shop")

    installed.openstack("database", "user", "update", "attributes", instance, "bert", "--new_name", "berta",
                        "--new_password", "second-2")
    assert "Access denied" in refused(shown, "bert", "first-1", "SELECT 1")
    assert sql(shown, "berta", "second-2", "SELECT 1", "archive") == ["1"]
    installed.openstack("database", "user", "delete", instance, "berta")
    assert "Access denied" in refused(shown, "berta", "second-2", "SELECT 1")
    installed.openstack("database", "db", "delete", instance, "archive")
    assert {row["Name"] for row in installed.openstack("database", "db", "list", instance)} == {"shop", "stock"}


def root_opens_and_closes(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    root = installed.openstack("database", "root", "enable", instance)
    assert sql(shown, "root", root["password"], "SELECT COUNT(*) > 0 FROM mysql.user") == ["1"]
    installed.openstack("database", "root", "disable", instance)
    assert "Access denied" in refused(shown, "root", root["password"], "SELECT 1")


def a_restart_is_a_restart(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    before = installed.service_pid(instance, "database")
    started = uptime_start(shown, "anna", "s3cret/Ä'\"")
    installed.openstack("database", "instance", "restart", instance)
    shown = installed.healthy(instance)
    assert installed.service_pid(instance, "database") != before
    assert uptime_start(shown, "anna", "s3cret/Ä'\"") >= started
    assert sql(shown, "anna", "s3cret/Ä'\"", "SELECT id FROM cart", "shop") == ["7"]


def nothing_is_left_after_delete(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    broker = BrokerView(installed.state)
    assert broker.of_instance(instance), "the broker knows nothing of a living instance: this check could not fail"
    assert leftovers.of_instance(installed.state, instance, address(shown))
    installed.openstack("database", "instance", "delete", instance)
    installed.gone(instance)
    assert leftovers.of_instance(installed.state, instance, address(shown)) == {}
    assert broker.of_instance(instance) == {}
