"""``trovectl instance connect``: where to, as whom, and the password past every eye."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.contract import types as t
from common.datastores import ENGINES
from common.errors import HostFailed, Invalid, Unsupported
from common.secret import Secret
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import clients, connection
from trove.db import spots
from trove.domain.spots import Spot

PASSWORD = "p\"\\ä#' 1"
FILE = "$(echo \"$*\" | grep -o '/dev/fd/[0-9]*')"
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
    monkeypatch.setattr(clients.Client, "find", lambda _self: "/bin/false")
    shown = trovectl("instance", "connect", "orders", api=api)
    assert shown.exit_code == 1 and "--password-file" in shown.stderr


@pytest.mark.parametrize(("engine", "program", "package"), [
    ("mariadb", "mariadb", "mariadb-client-core"), ("postgresql", "psql", "postgresql-client"),
    ("redis", "redis-cli", "redis-tools")])
def test_without_a_client_its_package_is_named(
        engine: str, program: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostFailed, match=f"The client {program} is not installed") as caught:
        clients.client(place(engine)).find()
    assert package in caught.value.hint


def test_every_engine_that_is_offered_has_a_client() -> None:
    assert set(clients.CLIENTS) >= set(ENGINES) - {"fake"}
    with pytest.raises(Unsupported, match="no client here for fake"):
        clients.client(place("fake"))


def place(engine: str, user: str = "anna", database: str = "shop") -> connection.Where:
    return connection.Where(engine, "127.64.0.9", 4000, user, database)


def became(tmp_path: Path, where: connection.Where, shows: str) -> tuple[str, str]:
    """The command line of a client that was started with a password, and what it then ``shows``."""
    program = tmp_path / "client"
    program.write_text(shows)
    program.chmod(0o755)
    become = ("import sys; from common.secret import Secret; from trove.cli import clients, connection;"
              f"clients.become(sys.argv[1], connection.{where!r}, Secret(sys.stdin.readline().rstrip()), 'SELECT 1')")
    done = subprocess.run([sys.executable, "-c", become, str(program)], input=f"{PASSWORD}\n", capture_output=True,
                          text=True, timeout=60, check=True)
    arguments, _, rest = done.stdout.partition("\n")
    assert PASSWORD not in arguments and 'p\\"' not in arguments
    return arguments, rest


def test_mariadb_reads_the_password_from_a_pipe_that_is_empty_afterwards(tmp_path: Path) -> None:
    arguments, options = became(tmp_path, place("mariadb"), SHOW)
    assert arguments.endswith("--host=127.64.0.9 --port=4000 --execute=SELECT 1 -- shop")
    assert options == clients.mariadb_options("anna", Secret(PASSWORD)) + "again:\n"


def test_psql_reads_the_password_from_a_file_of_memory(tmp_path: Path) -> None:
    shows = '#!/bin/sh\nprintf "%s\\n" "$*"; stat -Lc %F:%a /dev/fd/3; cat /dev/fd/3; env | grep -c PGPASSWORD || :\n'
    arguments, rest = became(tmp_path, place("postgresql", "a'b\\c", "x=y"), shows.replace("/dev/fd/3", FILE))
    assert arguments.startswith(r"--no-password --dbname=host='127.64.0.9' port='4000' user='a\'b\\c' dbname='x=y'")
    assert arguments.endswith("--command=SELECT 1")
    assert rest == "regular file:600\n*:*:*:*:p\"\\\\ä#' 1\n0\n"


def test_redis_cli_gets_the_password_in_its_environment(tmp_path: Path) -> None:
    arguments, rest = became(tmp_path, place("redis", database="3"), '#!/bin/sh\necho "$@"; echo "$REDISCLI_AUTH"\n')
    assert arguments == "-h 127.64.0.9 -p 4000 --user anna -n 3 SELECT 1"
    assert rest == PASSWORD + "\n"


@pytest.mark.parametrize(("where", "rule"), [
    (place("redis", database="shop"), "have numbers"), (place("postgresql", database=""), "in one database")])
def test_what_a_client_cannot_be_told_is_said(where: connection.Where, rule: str) -> None:
    with pytest.raises(Invalid, match=rule):
        clients.become("/bin/false", where, Secret("x"), None)


def test_root_of_postgresql_comes_into_a_database_that_is_always_there() -> None:
    order = clients.postgresql("psql", place("postgresql", "root", ""), Secret("x"), None)
    assert "dbname='postgres'" in order.argv[-1]


@pytest.mark.parametrize("text", [PASSWORD, "plain", "a;b", " blank ", "back\\slash", "tab\there", "#", "'q'", '"q"'])
def test_the_clients_own_reader_reads_the_password_as_it_is(text: str, tmp_path: Path) -> None:
    file = tmp_path / "client.cnf"
    file.write_text(clients.mariadb_options("anna", Secret(text)))
    done = subprocess.run(["my_print_defaults", f"--defaults-file={file}", "client"], capture_output=True,
                          text=True, timeout=60, check=True)
    assert done.stdout == f"--user=anna\n--password={text}\n"
