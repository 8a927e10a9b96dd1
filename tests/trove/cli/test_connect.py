"""``trovectl instance connect``: where to, as whom, and the password past every eye."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.contract import types as t
from common.errors import HostFailed
from common.secret import Secret
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import connection
from trove.db import spots
from trove.domain.spots import Spot

WHERE = connection.Where("127.64.0.9", 3306, "anna", "shop")
PASSWORD = "p\"\\ä#' 1"
SHOW = """#!/bin/sh
echo "$@"
cat "${1#--defaults-file=}"
echo again:
cat "${1#--defaults-file=}"
"""


def users(api: Served, *names: str, databases: tuple[str, ...] = ("shop",)) -> None:
    _, guest = api.instance()
    guest.ensure_databases(tuple(t.Database(name=name) for name in databases))
    guest.ensure_users(tuple(t.NewUser(name=name, password=Secret("x"), databases=databases) for name in names))


def test_the_only_user_and_the_only_database_are_meant(api: Served) -> None:
    users(api, "anna")
    where = document("instance", "connect", "orders", api=api)
    assert (where["user"], where["database"], where["port"]) == ("anna", "shop", 3306)
    assert where["address"].startswith("127.64.0.")


def test_the_port_is_that_of_the_instance(api: Served) -> None:
    users(api, "anna")
    instance_id = api.client.get("/instances")["instances"][0]["id"]
    with api.works.store.write() as connection:
        spots.store(connection, instance_id, Spot(None, f"127.64.1.{next(api.works.hosts)}", 3311))
    assert document("instance", "connect", "orders", api=api)["port"] == 3311
    assert "3311" in trovectl("instance", "list", api=api).stdout


def test_of_several_databases_none_is_meant(api: Served) -> None:
    users(api, "anna", databases=("shop", "stock"))
    assert document("instance", "connect", "orders", api=api)["database"] is None
    assert document("instance", "connect", "orders", "--database", "stock", api=api)["database"] == "stock"


def test_of_several_users_one_is_to_be_named(api: Served) -> None:
    users(api, "anna", "bert")
    shown = trovectl("instance", "connect", "orders", api=api)
    assert shown.exit_code == 1 and "--user: anna, bert." in shown.stderr
    assert document("instance", "connect", "orders", "--user", "bert", api=api)["user"] == "bert"
    assert document("instance", "connect", "orders", "--user", "root", api=api)["database"] is None


def test_without_users_it_says_how_to_make_one(api: Served) -> None:
    api.instance()
    shown = trovectl("instance", "connect", "orders", api=api)
    assert shown.exit_code == 1 and "trovectl user create orders NAME" in shown.stderr


def test_where_nobody_can_be_asked_a_file_is_wanted(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    users(api, "anna")
    monkeypatch.setattr(connection, "client", lambda: "/bin/false")
    shown = trovectl("instance", "connect", "orders", api=api)
    assert shown.exit_code == 1 and "--password-file" in shown.stderr


def test_without_a_client_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostFailed, match="not installed") as caught:
        connection.client()
    assert "mariadb-client-core" in caught.value.hint


def test_the_password_goes_through_a_pipe_that_is_empty_afterwards(tmp_path: Path) -> None:
    program = tmp_path / "mariadb"
    program.write_text(SHOW)
    program.chmod(0o755)
    become = ("import sys; from common.secret import Secret; from trove.cli import connection;"
              "connection.become(sys.argv[1], connection.Where('127.64.0.9', 3306, 'anna', 'shop'),"
              " Secret(sys.stdin.readline().rstrip()), 'SELECT 1')")
    done = subprocess.run([sys.executable, "-c", become, str(program)], input=f"{PASSWORD}\n", capture_output=True,
                          text=True, timeout=60, check=True)
    arguments, _, options = done.stdout.partition("\n")
    assert PASSWORD not in arguments and "p\\\"" not in arguments
    assert arguments.endswith("--host=127.64.0.9 --port=3306 --execute=SELECT 1 -- shop")
    assert options == connection.options("anna", Secret(PASSWORD)) + "again:\n"


@pytest.mark.parametrize("text", [PASSWORD, "plain", "a;b", " blank ", "back\\slash", "tab\there", "#", "'q'", '"q"'])
def test_the_clients_own_reader_reads_the_password_as_it_is(text: str, tmp_path: Path) -> None:
    file = tmp_path / "client.cnf"
    file.write_text(connection.options("anna", Secret(text)))
    done = subprocess.run(["my_print_defaults", f"--defaults-file={file}", "client"], capture_output=True,
                          text=True, timeout=60, check=True)
    assert done.stdout == f"--user=anna\n--password={text}\n"
