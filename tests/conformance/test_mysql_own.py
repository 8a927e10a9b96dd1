"""What MySQL has otherwise than MariaDB: character sets, passwords in statements, roles, accounts, what is ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from common.contract import types as t
from common.contract.types import ServiceStatus
from common.datastores import mysql_collations as charsets
from common.datastores.mysql import MANIFEST
from common.errors import EngineFailed, Invalid, TroveError
from common.secret import Secret
from tests import unpacked
from tests.conformance import mysql
from troveguest.conformance import asking
from troveguest.conformance.asking import PASSWORD, accounts, databases, granted, make_databases, make_user
from troveguest.conformance.subject import Subject
from troveguest.datastores.mysqlfamily.sql import pymysql

pytestmark = [pytest.mark.server, pytest.mark.long]

BOB = t.UserRef(name="bob")
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def binaries() -> Path:
    return unpacked.mysql()


@pytest.fixture(scope="module")
def running(binaries: Path) -> Iterator[Subject]:
    yield from mysql.running(binaries)


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    yield running
    asking.empty(running)


@pytest.fixture
def untouched(binaries: Path) -> Iterator[Subject]:
    yield from mysql.subjects(binaries)


def sql(subject: Subject, statement: str, *values: object) -> list[tuple[object, ...]]:
    with subject.engine.sql.session() as session:
        return session.rows(statement, *values)


@quick
@given(name=st.text(st.one_of(st.sampled_from("`'\"\\%_ab /.-;"), st.characters(max_codepoint=0xFFFF)), max_size=70))
def test_a_database_name_that_the_rules_take_is_the_name_it_gets(running: Subject, name: str) -> None:
    try:
        MANIFEST.check_database(name)
    except TroveError:
        assume(False)
    make_databases(running, name)
    try:
        assert databases(running) == [name]
        make_user(running, "bob", name)
        assert granted(running, "bob") == (name,)
    finally:
        asking.empty(running)


def test_the_character_sets_are_the_servers(running: Subject) -> None:
    rows = sql(running, "SELECT character_set_name, collation_name FROM information_schema.collations")
    for charset, collation in rows:
        MANIFEST.check_charset(charset, collation)
        MANIFEST.check_charset(None, collation)
    mine = {f"{charset}_{ending}" for charset, endings in charsets.COLLATIONS.items() for ending in endings}
    assert mine <= {collation for _, collation in rows}
    assert set(charsets.COLLATIONS) == {charset for charset, _ in rows}


def test_a_database_gets_its_character_set(subject: Subject) -> None:
    wanted = (("a", "latin1", None), ("b", None, "utf8mb4_bin"), ("c", "utf8", "utf8_czech_ci"), ("d", None, None))
    subject.engine.ensure_databases(
        tuple(t.Database(name=name, character_set=charset, collate=collate) for name, charset, collate in wanted))
    listed = subject.engine.list_databases(asking.EVERYTHING).items
    found = {item.name: (item.character_set, item.collate) for item in listed}
    assert found == {"a": ("latin1", "latin1_swedish_ci"), "b": ("utf8mb4", "utf8mb4_bin"),
                     "c": ("utf8mb3", "utf8mb3_czech_ci"), "d": ("utf8mb4", "utf8mb4_0900_ai_ci")}


def test_no_log_of_statements_sees_a_password(subject: Subject) -> None:
    sql(subject, "SET GLOBAL log_output = 'TABLE'")
    sql(subject, "SET GLOBAL general_log = ON")
    try:
        make_user(subject, "bob", password="seen-nowhere")
        subject.engine.update_attributes(BOB, t.UserChanges(password=Secret("seen-nowhere")))
        subject.engine.enable_root(Secret("seen-nowhere"))
    finally:
        sql(subject, "SET GLOBAL general_log = OFF")
    logged = " ".join(str(text) for (text,) in sql(subject, "SELECT argument FROM mysql.general_log"))
    assert "CREATE USER" in logged
    assert "seen-nowhere" not in logged




def test_accounts_made_with_sql_are_seen_and_can_be_taken_away(subject: Subject) -> None:
    sql(subject, "CREATE USER 'eve'@'client.example.org' IDENTIFIED BY 'x'")
    sql(subject, "CREATE USER 'eve'@'localhost', ''@'%'")
    sql(subject, "CREATE ROLE readers")
    try:
        assert accounts(subject) == [("eve", "client.example.org")]
        subject.engine.update_attributes(t.UserRef(name="eve", host="client.example.org"),
                                         t.UserChanges(password=Secret("new")))
        subject.engine.delete_user(t.UserRef(name="eve", host="client.example.org"))
        assert accounts(subject) == []
    finally:
        sql(subject, "DROP USER 'eve'@'localhost', ''@'%'")
        sql(subject, "DROP ROLE readers")


def test_the_agents_own_account_is_not_shown_and_not_touched(subject: Subject) -> None:
    admin = subject.engine.context.admin
    assert (admin, "localhost") in sql(subject, "SELECT User, Host FROM mysql.user")
    assert accounts(subject) == []
    with pytest.raises(TroveError):
        subject.engine.delete_user(t.UserRef(name=admin, host="localhost"))
    with pytest.raises(TroveError):
        subject.engine.delete_user(t.UserRef(name=admin, host="LOCALHOST"))
    assert databases(subject) == []


def test_the_server_still_runs_when_it_has_no_connection_free(subject: Subject) -> None:
    make_user(subject, "bob")
    subject.engine.close()
    sql(subject, "SET GLOBAL max_connections = 10")
    subject.engine.close()
    clients = []
    try:
        with pytest.raises(pymysql.err.OperationalError, match="Too many"):
            for _ in range(20):
                clients.append(subject.client.connect("bob", PASSWORD))
        assert subject.engine.health().status is ServiceStatus.HEALTHY  # one more is kept for the superuser
        assert databases(subject) == []
        health = subject.engine.health()
        assert health.status is ServiceStatus.RUNNING
        assert "no connection free" in health.sentence
    finally:
        for client in clients:
            client.close()
        sql(subject, "SET GLOBAL max_connections = 100")


def test_a_lock_of_a_client_makes_it_busy_and_not_stuck(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troveguest.datastores.mysqlfamily.sql.LOCK_TIMEOUT", 1)
    subject.engine.close()
    make_databases(subject, "a")
    make_user(subject, "bob", "a")
    client = subject.client.connect("bob", PASSWORD)
    try:
        with client.cursor() as cursor:
            cursor.execute("CREATE TABLE a.rows_ (number INT)")
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM a.rows_")
            with pytest.raises(TroveError) as caught:
                subject.engine.delete_database("a")
        assert caught.value.code == "busy"
    finally:
        client.close()
        subject.engine.close()


def test_an_agent_whose_account_was_taken_away_says_so(subject: Subject) -> None:
    """A tenant's root can do that; the server is not dead for it."""
    admin = subject.engine.context.admin
    root = subject.engine.enable_root(None).password.reveal()
    subject.engine.close()
    tenant = subject.client.connect("root", root)
    with tenant.cursor() as cursor:
        cursor.execute(f"ALTER USER '{admin}'@'localhost' ACCOUNT LOCK")
        try:
            with pytest.raises(EngineFailed, match="refuses the agent's own account"):
                databases(subject)
            assert subject.engine.health().status is ServiceStatus.RUNNING
        finally:
            cursor.execute(f"ALTER USER '{admin}'@'localhost' ACCOUNT UNLOCK")
            tenant.close()



def test_a_wrong_override_is_named(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare(overrides={"max_connections": "77"}))
    untouched.engine.start(60)
    assert sql(untouched, "SELECT @@max_connections, @@port") == [(77, untouched.engine.context.port)]
    untouched.engine.stop(30)
    untouched.host.write_for_engine(untouched.engine.layout.overrides, "[mysqld]\nno_such_thing = 1\n")
    with pytest.raises(EngineFailed, match="no_such_thing"):
        untouched.engine.start(30)


def test_overrides_do_not_move_what_is_ours(untouched: Subject) -> None:
    """Nor would they, were they not refused."""
    untouched.engine.initialise(asking.prepare())
    untouched.host.write_for_engine(
        untouched.engine.layout.overrides, "[mysqld]\nport = 1\nbind-address = 0.0.0.0\nsocket = /tmp/x\n")
    untouched.engine.start(60)
    assert sql(untouched, "SELECT @@port, @@bind_address") == [(untouched.engine.context.port, "127.0.0.1")]


@pytest.mark.parametrize("name", ["skip_grant_tables", "loose_plugin_load_add", "plugin_lo", "init_fil", "disable_ssl",
                                  "maximum_port", "user", "loose", "log_bin_inde", "enable_skip_grant_tables"])
def test_a_name_for_what_is_ours_is_refused_in_every_form_that_the_server_takes(
        untouched: Subject, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be set"):
        untouched.engine.initialise(asking.prepare(overrides={name: "1"}))



def test_files_are_read_and_written_in_one_directory_of_the_servers_alone(subject: Subject) -> None:
    """By a tenant who may do all that the server can do."""
    layout = subject.engine.layout
    root = subject.engine.enable_root(None).password.reveal()
    tenant = subject.client.connect("root", root)
    with tenant.cursor() as cursor:
        for path in ("/etc/passwd", layout.kept, layout.data / "ibdata1", layout.temporary / "../server/ibdata1"):
            cursor.execute("SELECT LOAD_FILE(%s)", (str(path),))
            assert cursor.fetchall() == ((None,),), path
        for path in (layout.data / "x", layout.config.with_name("x"), "/tmp/x", layout.temporary / "../x"):
            with pytest.raises(pymysql.err.OperationalError, match="secure"):
                cursor.execute("SELECT 1 INTO OUTFILE %s", (str(path),))
        with pytest.raises(pymysql.err.OperationalError, match="read only"):
            cursor.execute("SET GLOBAL secure_file_priv = '/'")
        inside = layout.temporary / "inside"
        cursor.execute("SELECT 1 INTO OUTFILE %s", (str(inside),))
        inside.unlink()
    tenant.close()


def test_nothing_is_open_that_nobody_asked_for(running: Subject) -> None:
    found = sql(running, "SELECT User, Host FROM mysql.user WHERE User NOT LIKE 'mysql.%%'")
    assert set(found) <= {(running.engine.context.admin, "localhost"), ("root", "%")}
    for name in ("", "root", running.engine.context.admin):
        assert not running.client.can_log_in(name, "")
    assert "test" not in {name for (name,) in sql(running, "SHOW DATABASES")}


