"""A tenant's way through a PostgreSQL instance, with the unchanged ``openstack`` client and psql, from outside."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.installation import CommandFailed, Installation, address, kill, until

pytestmark = pytest.mark.server

PASSWORD = "s3cret/Ä'\""


def psql(instance: dict[str, Any], user: str, password: str, statement: str, database: str = "shop") -> list[str]:
    """At the address that REST shows; the rows. Raises CommandFailed."""
    environment = {"PGHOST": address(instance), "PGPORT": "5432", "PGUSER": user, "PGPASSWORD": password,
                   "PGDATABASE": database, "PGCONNECT_TIMEOUT": "10", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet",
                           "--set=ON_ERROR_STOP=1", "--command", statement],
                          env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise CommandFailed(done.stderr)
    return done.stdout.splitlines()


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
    neighbour = asked_for(installed, "neighbour")
    shown = installed.healthy(instance)
    psql(shown, "anna", PASSWORD, "CREATE TABLE cart (id INT); INSERT INTO cart VALUES (7)")
    assert psql(shown, "anna", PASSWORD, "SELECT id FROM cart") == ["7"]
    assert "password authentication failed" in refused(shown, "anna", "wrong")
    assert "permission denied" in refused(shown, "anna", PASSWORD, "postgres")
    assert "pg_hba.conf rejects" in refused(shown, "postgres", PASSWORD)

    access_follows_the_commands(installed, instance)
    installed.healthy(neighbour)
    a_superuser_reaches_what_the_server_reaches(installed, instance, neighbour)
    a_server_that_was_killed_comes_back(installed, instance)
    for each in (neighbour, instance):
        nothing_is_left_after_delete(installed, each)


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


def a_superuser_reaches_what_the_server_reaches(installed: Installation, instance: str, neighbour: str) -> None:
    """With root, a tenant runs programs as the server's own user: none of them gets to what is not the server's.

    Of what there is besides he can read how instances are placed, in which no secret is.
    """
    shown = installed.show(instance)
    assert shown is not None
    root = installed.openstack("database", "root", "enable", instance)["password"]

    def run(program: str) -> list[str]:
        quoted = f"{program} 2>&1 || true".replace("'", "''")
        return psql(shown, "root", root, f"CREATE TEMP TABLE said (line TEXT); COPY said FROM PROGRAM '{quoted}'"
                                         " (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02'); SELECT line FROM said")

    if os.geteuid() == 0:
        agent = installed.service_pid(instance, "agent")
        assert Path(f"/proc/{agent}").stat().st_uid not in (0, int(run("id -u")[0]))
        home = installed.home(instance)
        told = {each / name for each in (home, installed.home(neighbour)) for name in ("services", "place.json")}
        open_to_read = told | {installed.state / "releases", home / "volume", home / "engine", home / "orders",
                               home / "jobs", home / "run"}
        open_to_write = {home / "volume", home / "jobs", home / "run"}
        with tempfile.NamedTemporaryFile("w", delete=True) as listed:
            listed.write("\0".join(map(str, installed.state.rglob("*"))))
            listed.flush()
            Path(listed.name).chmod(0o644)
            for flag, places in (("-r", open_to_read), ("-w", open_to_write)):
                try_each = f'for file; do [ ! -f "$file" ] || [ ! {flag} "$file" ] || echo "$file"; done'
                found = run(f"xargs -0 -a {listed.name} sh -c '{try_each}' sh")
                assert any(Path(path).is_relative_to(home / "volume") for path in found), found
                beyond = [path for path in found if not any(Path(path).is_relative_to(place) for place in places)]
                assert beyond == [], f"{flag}: {beyond}"
        for pid in (agent, installed.service_pid(neighbour, "database"), installed.pid):
            assert "not permitted" in " ".join(run(f"kill -0 {pid}")), pid
            assert "denied" in " ".join(run(f"cat /proc/{pid}/environ")), pid
        login = f"psql --no-password --host={home / 'run'} --username=postgres --dbname=postgres --command='SELECT 1'"
        assert "authentication failed" in " ".join(run(login))
    installed.openstack("database", "root", "disable", instance)
    assert "authentication failed" in refused(shown, "root", root)


def a_server_that_was_killed_comes_back(installed: Installation, instance: str) -> None:
    before = installed.service_pid(instance, "database")
    kill(before)
    until(lambda: installed.service_pid(instance, "database") not in (0, before), 60, "the server is started again")
    shown = installed.healthy(instance)
    assert psql(shown, "anna", PASSWORD, "SELECT id FROM cart") == ["7"]


def nothing_is_left_after_delete(installed: Installation, instance: str) -> None:
    shown = installed.show(instance)
    assert shown is not None
    assert leftovers.of_instance(installed.state, instance, address(shown))
    installed.openstack("database", "instance", "delete", instance)
    installed.gone(instance)
    assert leftovers.of_instance(installed.state, instance, address(shown)) == {}
