"""What a tenant's root, or somebody on the machine, changed of what is ours in PostgreSQL: put right, or said."""

from collections.abc import Iterator

import pytest

from common.contract.types import ServiceStatus
from tests.conformance import postgresql
from troveguest.conformance import asking
from troveguest.conformance.asking import databases, make_databases, make_user
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def running() -> Iterator[Subject]:
    yield from postgresql.running()


@pytest.fixture
def untouched() -> Iterator[Subject]:
    yield from postgresql.subjects()


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    running.engine.tend(True)
    yield running
    running.engine.tend(True)
    asking.empty(running)


def as_tenant(subject: Subject, statements: str, database: str = "postgres") -> None:
    """What a tenant does who has root."""
    password = subject.engine.enable_root(None).password.reveal()
    done = subject.client.run("root", password, database, statements)
    assert done.returncode == 0, done.stderr


def test_a_new_server_was_changed_by_nobody(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare())
    untouched.engine.start(60)
    assert untouched.engine.tend(True) == ()


@pytest.mark.parametrize("change", [
    "ALTER ROLE postgres NOCREATEDB NOREPLICATION", "ALTER ROLE postgres SET search_path = evil",
    "ALTER ROLE postgres SET default_transaction_read_only = on",
    "ALTER ROLE postgres IN DATABASE postgres SET role = root",
    "ALTER ROLE postgres SET statement_timeout = 1",
])
def test_a_change_that_leaves_the_agent_its_rights_is_put_right(subject: Subject, change: str) -> None:
    process = subject.host.database().process
    as_tenant(subject, change)
    [found] = subject.engine.tend(True)
    assert found.repaired and "postgres" in found.sentence
    assert subject.engine.tend(True) == ()
    assert subject.host.database().process == process


@pytest.mark.parametrize("taken", [
    "ALTER ROLE postgres NOSUPERUSER", "ALTER ROLE postgres NOLOGIN", "ALTER ROLE postgres RENAME TO mine",
    "ALTER ROLE postgres RENAME TO mine; CREATE ROLE postgres LOGIN SUPERUSER",
    "ALTER DATABASE postgres ALLOW_CONNECTIONS false",
    "ALTER DATABASE postgres RENAME TO taken",
], ids=lambda statements: statements[6:40])
def test_an_agent_that_was_shut_out_is_let_in_when_somebody_restarts_the_server(subject: Subject, taken: str) -> None:
    make_databases(subject, "other")
    make_user(subject, "anna", "other")
    process = subject.host.database().process
    as_tenant(subject, taken, "other")
    for _ in range(2):
        [found] = subject.engine.tend(True)
        assert not found.repaired and "Restart the instance" in found.sentence
    health = subject.engine.health()
    assert health.status in (ServiceStatus.RUNNING, ServiceStatus.HEALTHY), health
    assert subject.client.can_log_in("anna", asking.PASSWORD)
    assert subject.host.database().process == process, "nobody asked for a restart"
    subject.engine.configure()
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.tend(True) == ()
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert "other" in databases(subject)


def test_the_role_of_the_agent_cannot_be_dropped(subject: Subject) -> None:
    with pytest.raises(AssertionError, match="required by the database system"):
        as_tenant(subject, "DROP ROLE postgres")


@pytest.mark.parametrize(("file", "how"), [("config", "edited"), ("config", "removed"), ("overrides", "edited"),
                                           ("overrides", "removed"), ("hba", "edited"), ("ident", "edited")])
def test_a_file_that_was_changed_is_put_right_on_the_disk_alone(subject: Subject, file: str, how: str) -> None:
    path, process = getattr(subject.engine.layout, file), subject.host.database().process
    text = path.read_text()
    if how == "removed":
        path.unlink()
    else:
        path.write_text("# nothing\n")
    [found] = subject.engine.tend(True)
    assert found.repaired and "file" in found.sentence
    assert path.read_text() == text
    assert subject.engine.tend(True) == ()
    assert subject.host.database().process == process


def test_a_setting_that_wants_a_restart_is_told_of_when_it_is_somebody_elses(subject: Subject) -> None:
    engine, wanted = subject.engine, {**subject.overrides, "max_connections": "60"}
    engine.update_overrides(wanted, (), True)
    as_tenant(subject, "ALTER SYSTEM SET max_connections = 50")
    for told, waits in ((["50"], True), ([], False)):
        engine.stop(60)
        engine.start(60)
        assert engine.get_settings(("max_connections",)) == {"max_connections": "50" if waits else "60"}
        found = engine.tend(True)
        assert [value for value in told if f"'{value}'" in found[0].sentence] == told
        assert not any(drift.repaired for drift in found)
    engine.update_overrides(subject.overrides, (), False)
    engine.stop(60)
    engine.start(60)


def test_a_server_without_its_socket_serves_on_and_says_so(subject: Subject) -> None:
    make_user(subject, "anna")
    process = subject.host.database().process
    subject.engine.layout.socket.unlink()
    health = subject.engine.health()
    assert health.status is ServiceStatus.RUNNING and "socket" in health.sentence, health
    assert subject.client.can_log_in("anna", asking.PASSWORD)
    assert subject.host.database().process == process
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.health().status is ServiceStatus.HEALTHY
