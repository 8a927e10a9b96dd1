"""MySQL's way through an instance's life, where its binaries are named; also of a second one, made of a copy."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import unpacked
from tests.awaiting import until
from tests.installation import CommandFailed, Installation, mysql

pytestmark = [pytest.mark.server, pytest.mark.long]

PASSWORD = "s3cret/Ä'\""


@pytest.fixture(scope="module")
def offering(installed: Installation) -> Iterator[Installation]:
    installed.trovectl("datastore", "version", "add", "mysql", "9.7", "--binaries", str(unpacked.mysql()))
    yield installed
    installed.trovectl("datastore", "version", "deactivate", "mysql", "9.7")


def created(installed: Installation, name: str) -> tuple[str, dict[str, Any]]:
    answer = installed.openstack(
        "database", "instance", "create", name, "--flavor", "1", "--size", "1", "--datastore", "mysql",
        "--datastore-version", "9.7", "--databases", "shop", "--users", f"anna:{PASSWORD}")
    return str(answer["id"]), installed.healthy(str(answer["id"]))


def test_a_mysql_is_asked_for_used_and_given_back(offering: Installation) -> None:
    first, shown = created(offering, "first")
    assert shown["datastore"] == {"type": "mysql", "version": "9.7", "version_number": "9.7"}
    mysql(shown, "anna", PASSWORD, "CREATE TABLE cart (id INT); INSERT INTO cart VALUES (7)", "shop")
    assert mysql(shown, "anna", PASSWORD, "SELECT id FROM cart", "shop") == ["7"]
    with pytest.raises(CommandFailed, match="Access denied"):
        mysql(shown, "anna", "wrong", "SELECT 1")

    offering.openstack("database", "db", "create", first, "archive")
    offering.openstack("database", "user", "grant", "access", first, "anna", "archive")
    assert mysql(shown, "anna", PASSWORD, "SELECT DATABASE()", "archive") == ["archive"]
    root = offering.request("POST", f"/instances/{first}/root")[1]["user"]
    assert mysql(shown, root["name"], root["password"], "SELECT CURRENT_USER()") == ["root@%"]
    offering.openstack("database", "instance", "restart", first)
    until(lambda: (offering.show(first) or {}).get("status") == "ACTIVE", 60, "it is restarted")
    assert mysql(shown, "anna", PASSWORD, "SELECT id FROM cart", "shop") == ["7"]

    templates = offering.home(first).parent.parent / "templates"
    until(lambda: list(templates.glob("mysql-9.7-*/manifest.json")), 60, "a template is made")
    second, other = created(offering, "second")
    for what in ("SELECT @@server_uuid", "SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key'"):
        told = [mysql(each, "anna", PASSWORD, what) for each in (shown, other)]
        assert "" not in map("".join, told) and told[0] != told[1], "a copy has an identity of its own"
    for instance in (first, second):
        offering.delete(instance)
        offering.gone(instance)
