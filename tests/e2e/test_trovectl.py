"""An instance's life with ``trovectl`` alone: created, connected to, shared with a second user, deleted."""

import json
from pathlib import Path

import pytest

from tests import leftovers
from tests.installation import Installation

pytestmark = pytest.mark.server

PASSWORD = "s3cret/Ä'\"\\ #1"


def test_a_database_is_made_used_and_deleted(installed: Installation, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    made = document(installed, "instance", "create", "till", "--database", "shop", "--user", "anna",
                    "--password-file", str(secret), "--wait")["instance"]
    assert (made["status"], made["operating_status"]) == ("ACTIVE", "HEALTHY")

    assert sql(installed, secret, "CREATE TABLE cart (id INT); INSERT INTO cart VALUES (7)") == []
    assert sql(installed, secret, "SELECT id FROM cart") == ["id", "7"]
    another_user_comes_and_goes(installed, tmp_path)
    installed.trovectl("instance", "restart", "till", "--wait")
    assert sql(installed, secret, "SELECT id FROM cart") == ["id", "7"]

    assert leftovers.of_instance(installed.state, made["id"], made["ip"][0])
    the_doctor_finds_an_installation_that_is_whole(installed)
    assert document(installed, "instance", "delete", "till", "--wait")["deleted"] is True
    assert leftovers.of_instance(installed.state, made["id"], made["ip"][0]) == {}
    assert document(installed, "instance", "list") == {"instances": []}


def another_user_comes_and_goes(installed: Installation, directory: Path) -> None:
    secret = directory / "generated"
    secret.write_text(document(installed, "user", "create", "till", "bert")["generated_passwords"]["bert"])
    installed.trovectl("database", "create", "till", "stock")
    installed.trovectl("user", "grant", "till", "bert", "stock")
    assert sql(installed, secret, "SELECT DATABASE()", "--user", "bert") == ["DATABASE()", "stock"]
    installed.trovectl("user", "delete", "till", "bert")
    listed = document(installed, "user", "list", "till")["users"]
    assert [user["name"] for user in listed] == ["anna"]


def the_doctor_finds_an_installation_that_is_whole(installed: Installation) -> None:
    levels = {found["check"]: found["level"] for found in document(installed, "doctor")["findings"]}
    assert [levels[check] for check in ("packages", "engine", "api", "broker", "leftovers")] == ["ok"] * 5


def sql(installed: Installation, secret: Path, statement: str, *options: str) -> list[str]:
    printed = installed.trovectl("instance", "connect", "till", *(options or ("--user", "anna", "--database", "shop")),
                                 "--password-file", str(secret), "--execute", statement)
    return printed.splitlines()


def document(installed: Installation, *words: str) -> dict:
    printed: dict = json.loads(installed.trovectl(*words, "--json"))
    return printed
