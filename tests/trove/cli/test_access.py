"""``trovectl user`` and ``trovectl database`` against the API."""

from pathlib import Path

from common.errors import Unreachable
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl


def test_users_come_may_use_databases_and_go(api: Served, tmp_path: Path) -> None:
    _, guest = api.instance()
    (tmp_path / "password").write_text("s3cret")
    for name in ("shop", "stock"):
        assert document("database", "create", "orders", name, api=api)["database"] == {"name": name}
    made = trovectl("user", "create", "orders", "anna", "--database", "shop", "--host", "10.0.0.%",
                    "--password-file", str(tmp_path / "password"), api=api)
    assert made.exit_code == 0 and "s3cret" not in made.output
    assert guest.accounts["anna", "10.0.0.%"].password.reveal() == "s3cret"

    assert trovectl("user", "grant", "orders", "anna@10.0.0.%", "stock", api=api).exit_code == 0
    (listed,) = document("user", "list", "orders", api=api)["users"]
    assert listed == {"name": "anna", "host": "10.0.0.%", "databases": [{"name": "shop"}, {"name": "stock"}]}
    assert "shop, stock" in trovectl("user", "list", "orders", api=api).stdout
    assert trovectl("user", "revoke", "orders", "anna@10.0.0.%", "shop", "stock", api=api).exit_code == 0
    assert guest.accounts["anna", "10.0.0.%"].databases == set()
    assert trovectl("user", "delete", "orders", "anna@10.0.0.%", api=api).exit_code == 0
    assert document("user", "list", "orders", api=api) == {"users": []}


def test_a_generated_password_is_the_users(api: Served) -> None:
    _, guest = api.instance()
    made = document("user", "create", "orders", "anna", "--generate-password", api=api)
    assert guest.accounts["anna", "%"].password.reveal() == made["generated_passwords"]["anna"]
    assert "password" not in made["user"]


def test_names_that_need_quoting_reach_the_guest_as_they_are(api: Served) -> None:
    _, guest = api.instance()
    for name in ("a/b", "ä o", "50%", "x?y#z"):
        assert trovectl("database", "create", "orders", name, api=api).exit_code == 0, name
        assert name in guest.databases
        assert trovectl("database", "delete", "orders", name, api=api).exit_code == 0, name
    assert guest.databases == {}


def test_every_page_of_databases_is_shown(api: Served) -> None:
    api.instance()
    names = [f"d{number:02} ä/%" for number in range(23)]
    for name in names:
        trovectl("database", "create", "orders", name, "--character-set", "utf8mb4", api=api)
    assert [row["name"] for row in document("database", "list", "orders", api=api)["databases"]] == names
    assert trovectl("database", "list", "orders", api=api).stdout.splitlines()[0].strip() == "NAME"


def test_refusals_are_sentences(api: Served) -> None:
    api.instance()
    for words in (("database", "delete", "orders", "mysql"), ("user", "delete", "orders", "nobody"),
                  ("user", "create", "orders", "anna", "--database", "nothing")):
        shown = trovectl(*words, api=api)
        assert shown.exit_code == 1 and shown.stderr.strip().endswith("."), shown.output


def test_an_agent_that_cannot_be_reached_ends_with_three(api: Served) -> None:
    _, guest = api.instance()
    guest.failure = Unreachable("The agent does not answer.", "Try again.")
    shown = trovectl("user", "list", "orders", api=api)
    assert shown.exit_code == 3 and "The agent does not answer." in shown.stderr


def test_a_user_gets_another_name_host_and_password(api: Served, tmp_path: Path) -> None:
    _, guest = api.instance()
    (tmp_path / "password").write_text("n3w")
    trovectl("user", "create", "orders", "anna", api=api)
    changed = trovectl("user", "update", "orders", "anna", "--name", "berta", "--host", "10.0.0.%",
                       "--password-file", str(tmp_path / "password"), api=api)
    assert changed.exit_code == 0 and "n3w" not in changed.output
    assert {key: account.password.reveal() for key, account in guest.accounts.items()} == {
        ("berta", "10.0.0.%"): "n3w"}
    made = document("user", "update", "orders", "berta@10.0.0.%", "--generate-password", api=api)
    assert guest.accounts["berta", "10.0.0.%"].password.reveal() == made["generated_passwords"]["berta@10.0.0.%"]
    shown = trovectl("user", "update", "orders", "berta@10.0.0.%", api=api)
    assert shown.exit_code == 1 and "Nothing is to change. Give --name" in shown.stderr


def test_root_is_opened_shown_and_closed(api: Served, tmp_path: Path) -> None:
    _, guest = api.instance()
    assert document("root", "show", "orders", api=api) == {"root_enabled": False}
    made = document("root", "enable", "orders", api=api)
    assert guest.root_password is not None
    assert made == {"user": {"name": "root"}, "generated_passwords": {"root": guest.root_password.reveal()}}
    (tmp_path / "password").write_text("ch0sen")
    shown = trovectl("root", "enable", "orders", "--password-file", str(tmp_path / "password"), api=api)
    assert shown.exit_code == 0 and "ch0sen" not in shown.output and guest.root_password.reveal() == "ch0sen"
    assert "is open to the network." in trovectl("root", "show", "orders", api=api).stdout
    assert trovectl("root", "disable", "orders", api=api).exit_code == 0
    assert document("root", "show", "orders", api=api) == {"root_enabled": False}
