"""What a tenant's root, or somebody on the machine, changed of what is ours in MySQL: put right, or said."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.contract.types import ServiceStatus
from tests import unpacked
from tests.conformance import mysql
from troveguest.conformance import asking
from troveguest.conformance.asking import accounts, databases, make_databases, make_user
from troveguest.conformance.subject import Subject

pytestmark = [pytest.mark.server, pytest.mark.long]

LOOKED = "SELECT plugin, authentication_string, account_locked, password_expired FROM mysql.user WHERE User = %s"
OWN = ("mysql.infoschema", "mysql.session", "mysql.sys")


@pytest.fixture(scope="module")
def binaries() -> Path:
    return unpacked.mysql()


@pytest.fixture(scope="module")
def running(binaries: Path) -> Iterator[Subject]:
    yield from mysql.running(binaries)


@pytest.fixture
def untouched(binaries: Path) -> Iterator[Subject]:
    yield from mysql.subjects(binaries)


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    running.engine.tend(True)
    yield running
    running.engine.tend(True)
    asking.empty(running)


def as_tenant(subject: Subject, *statements: str) -> None:
    """What a tenant does who has root, with ``%a`` for the agent's own account."""
    password = subject.engine.enable_root(None).password.reveal()
    with closing(subject.client.connect("root", password)) as client, client.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.replace("%a", f"'{subject.engine.context.admin}'@localhost"))


def test_a_new_server_was_changed_by_nobody(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare())
    untouched.engine.start(60)
    assert untouched.engine.tend(True) == ()


TAKEN = [
    ("DROP USER %a",),
    ("ALTER USER %a ACCOUNT LOCK",),
    ("ALTER USER %a IDENTIFIED WITH caching_sha2_password BY 'stolen'",),
    ("REVOKE SUPER, CREATE USER ON *.* FROM %a",),
    ("REVOKE ALL, GRANT OPTION FROM %a",),
]
LESSER = [
    ("ALTER USER %a IDENTIFIED WITH auth_socket AS 'nobody'",),
    ("REVOKE SYSTEM_VARIABLES_ADMIN ON *.* FROM %a",),
    ("ALTER USER %a WITH MAX_QUERIES_PER_HOUR 1000",),
]
"""What leaves it the rights to put that right, also without a connection."""


@pytest.mark.parametrize("taken", TAKEN + LESSER, ids=lambda statements: statements[0][:40])
def test_the_agents_account_comes_back_while_its_connection_lasts(subject: Subject, taken: tuple[str, ...]) -> None:
    make_databases(subject, "kept")
    process = subject.host.database().process
    as_tenant(subject, *taken)
    [found] = subject.engine.tend(True)
    assert found.repaired and subject.engine.context.admin in found.sentence
    assert subject.engine.tend(True) == ()
    assert databases(subject) == ["kept"]
    assert subject.host.database().process == process


@pytest.mark.parametrize("taken", TAKEN, ids=lambda statements: statements[0][:40])
def test_without_a_connection_the_account_comes_back_when_somebody_restarts_the_server(
        subject: Subject, taken: tuple[str, ...]) -> None:
    make_user(subject, "anna")
    process = subject.host.database().process
    as_tenant(subject, *taken)
    subject.engine.close()
    for _ in range(2):
        [found] = subject.engine.tend(True)
        assert not found.repaired and "Restart the instance" in found.sentence
    assert subject.host.database().process == process, "nobody asked for a restart"
    subject.engine.configure()
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.tend(True) == ()
    assert "init-file" not in subject.engine.layout.config.read_text()
    assert accounts(subject) == [("anna", "%")]


@pytest.mark.parametrize("name", OWN)
def test_the_servers_own_accounts_are_made_again(subject: Subject, name: str) -> None:
    with subject.engine.sql.session() as session:
        before = session.rows(f"SHOW GRANTS FOR '{name}'@localhost")
        kept = session.rows(LOOKED, name)
    as_tenant(subject, f"DROP USER '{name}'@localhost")
    [found] = subject.engine.tend(True)
    assert found.repaired and name in found.sentence
    with subject.engine.sql.session() as session:
        assert session.rows(f"SHOW GRANTS FOR '{name}'@localhost") == before
        assert session.rows(LOOKED, name) == kept
    assert accounts(subject) == []


def test_settings_that_a_tenant_persisted_are_nothing_to_the_next_server(subject: Subject) -> None:
    as_tenant(subject, "SET PERSIST_ONLY innodb_log_buffer_size = 4194304", "SET PERSIST max_connections = 33")
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.get_settings(("max_connections",)) != {"max_connections": "33"}
    assert subject.engine.tend(True) == ()


def test_what_the_tenant_made_of_its_own_is_left_alone(subject: Subject) -> None:
    make_databases(subject, "shop")
    make_user(subject, "anna", "shop")
    as_tenant(subject, "REVOKE ALL ON shop.* FROM anna", "CREATE USER eve", "CREATE USER ''@'%'", "CREATE DATABASE b")
    assert subject.engine.tend(True) == ()
    assert accounts(subject) == [("anna", "%"), ("eve", "%")]
    assert databases(subject) == ["b", "shop"]
    assert subject.engine.get_user(asking.t.UserRef(name="anna")).databases == ()
    as_tenant(subject, "DROP USER ''@'%'")


@pytest.mark.parametrize(("file", "how"), [("config", "edited"), ("config", "removed"),
                                           ("overrides", "edited"), ("overrides", "removed")])
def test_a_file_that_was_changed_is_put_right_on_the_disk_alone(subject: Subject, file: str, how: str) -> None:
    path, process = getattr(subject.engine.layout, file), subject.host.database().process
    text = path.read_text()
    if how == "removed":
        path.unlink()
    else:
        path.write_text("[mysqld]\nport = 1\n")
    [found] = subject.engine.tend(True)
    assert found.repaired and "file" in found.sentence
    assert path.read_text() == text
    assert subject.engine.tend(True) == ()
    assert subject.host.database().process == process


def test_a_server_without_its_socket_serves_on_and_says_so(subject: Subject) -> None:
    make_user(subject, "anna")
    process = subject.host.database().process
    subject.engine.layout.socket.unlink()
    health = subject.engine.health()
    assert health.status is ServiceStatus.RUNNING and "socket" in health.sentence, health
    assert "Restart the instance" in health.sentence
    assert subject.client.can_log_in("anna", asking.PASSWORD)
    assert subject.host.database().process == process
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.health().status is ServiceStatus.HEALTHY
