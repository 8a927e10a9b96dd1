"""What PostgreSQL alone has: what deleted users made, roles made with SQL, encodings, ALTER SYSTEM."""

import string
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from common.contract import types as t
from common.contract.types import ServiceStatus
from common.datastores import postgresql as rules
from common.errors import Busy, Conflict, EngineFailed, Exists, Invalid, NotReady, TroveError
from common.secret import Secret
from tests.conformance import postgresql
from troveguest.conformance import asking
from troveguest.conformance.asking import PASSWORD, accounts, databases, granted, make_databases, make_user
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server

BOB, EVE = t.UserRef(name="bob"), t.UserRef(name="eve")
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def running() -> Iterator[Subject]:
    yield from postgresql.running()


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    yield running
    asking.empty(running)


@pytest.fixture
def untouched() -> Iterator[Subject]:
    yield from postgresql.subjects()


def sql(subject: Subject, statement: str, *values: str, database: str = "postgres") -> list[tuple[str | None, ...]]:
    """As the agent."""
    with subject.engine.sql.session(database) as session:
        return session.rows(statement, *values)


def said(subject: Subject, user: str, database: str, statements: str, password: str = PASSWORD) -> str:
    """What a client prints; its complaint when it fails."""
    done = subject.client.run(user, password, database, statements)
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


@quick
@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example(value="'\"`\\%s\x1a\n$$")
def test_values_come_back_as_they_went(running: Subject, value: str) -> None:
    assert sql(running, "SELECT %s", value) == [(value,)]


@quick
@given(name=st.text(st.one_of(st.sampled_from("\"'\\%_ab /.-;="), st.characters(exclude_categories=["Cs"]))))
def test_a_user_name_that_the_rules_take_is_the_name_it_gets(running: Subject, name: str) -> None:
    try:
        rules.check_user(name, "%")
    except TroveError:
        assume(False)
    make_user(running, name)
    try:
        assert accounts(running) == [(name, "%")]
        assert running.client.can_log_in(name, PASSWORD)
    finally:
        running.engine.delete_user(t.UserRef(name=name))


def test_a_user_with_a_host_is_refused(subject: Subject) -> None:
    with asking.refused(Invalid, naming="no host"):
        make_user(subject, "bob", host="192.0.2.7")
    make_user(subject, "bob")
    with asking.refused(Invalid, naming="no host"):
        subject.engine.update_attributes(BOB, t.UserChanges(host="192.0.2.7"))
    assert accounts(subject) == [("bob", "%")]


def test_users_of_a_database_share_what_they_make(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    make_user(subject, "bob", "a", "b")
    make_user(subject, "eve", "a")
    assert said(subject, "bob", "a", "CREATE TABLE rows_ (number INT); INSERT INTO rows_ VALUES (7);") == ""
    theirs = "ALTER TABLE rows_ ADD more INT; SELECT number FROM rows_; DROP TABLE rows_;"
    assert said(subject, "eve", "a", theirs) == "7"
    assert "permission denied" in said(subject, "eve", "b", "SELECT 1")


def test_what_a_deleted_user_made_stays_and_belongs_to_the_database(subject: Subject) -> None:
    """Also what he made as himself, and with rights that he gave and got."""
    make_databases(subject, "a", "b")
    make_user(subject, "bob", "a", "b")
    make_user(subject, "eve", "a")
    own = "SET ROLE NONE; CREATE SCHEMA own; CREATE TABLE own.rows_ (number INT); INSERT INTO own.rows_ VALUES (7);" \
          " GRANT USAGE ON SCHEMA own TO eve; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO eve;" \
          " CREATE FUNCTION whoami() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';"
    for database in ("a", "b"):
        assert said(subject, "bob", database, own) == ""
    subject.engine.delete_user(BOB)
    assert accounts(subject) == [("eve", "%")]
    assert said(subject, "eve", "a", "SELECT number FROM own.rows_") == "7"
    owner = said(subject, "eve", "a", "SELECT whoami()")
    assert owner.startswith(rules.OWNERS)
    [(superuser,)] = sql(subject, "SELECT rolsuper FROM pg_roles WHERE rolname = %s", owner)
    assert superuser == "f"


def test_an_owner_goes_with_its_database(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    assert len(sql(subject, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'trove\\_owner\\_%'")) == 2
    subject.engine.delete_database("a")
    assert len(sql(subject, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'trove\\_owner\\_%'")) == 1


def test_a_database_that_was_left_half_made_is_finished(subject: Subject) -> None:
    sql(subject, "CREATE DATABASE half TEMPLATE template0 ALLOW_CONNECTIONS false")
    assert databases(subject) == []
    make_databases(subject, "half")
    make_user(subject, "bob", "half")
    assert databases(subject) == ["half"] and subject.client.can_use("bob", PASSWORD, "half")


def test_a_database_made_with_sql_can_be_given_and_taken(subject: Subject) -> None:
    make_user(subject, "bob")
    make_user(subject, "eve")
    sql(subject, "CREATE DATABASE theirs OWNER eve TEMPLATE template0")
    assert granted(subject, "bob") == ("theirs",), "everybody may connect to a database that was made with SQL alone"
    with asking.refused(Conflict, naming="theirs"):
        subject.engine.revoke_access(BOB, "theirs")
    sql(subject, "REVOKE ALL ON DATABASE theirs FROM PUBLIC")
    assert granted(subject, "bob") == () and granted(subject, "eve") == ("theirs",)
    subject.engine.grant_access(BOB, ("theirs",))
    assert subject.client.can_use("bob", PASSWORD, "theirs")
    subject.engine.revoke_access(BOB, "theirs")
    assert not subject.client.can_use("bob", PASSWORD, "theirs")


def test_roles_made_with_sql(subject: Subject) -> None:
    sql(subject, "CREATE ROLE readers NOLOGIN")
    sql(subject, "CREATE ROLE eve LOGIN")
    try:
        assert accounts(subject) == [("eve", "%")]
        with asking.refused(Conflict, naming="readers"):
            make_user(subject, "readers")
        with asking.refused(Exists, naming="readers"):
            subject.engine.update_attributes(EVE, t.UserChanges(name="readers"))
        subject.engine.update_attributes(EVE, t.UserChanges(password=Secret("new")))
        assert subject.client.can_log_in("eve", "new")
        subject.engine.delete_user(EVE)
    finally:
        sql(subject, "DROP ROLE readers")
    assert accounts(subject) == []


def test_a_database_gets_its_encoding_and_collation(subject: Subject) -> None:
    wanted = (("a", "latin1", None), ("b", None, "C"), ("c", "utf8", "de-AT-x-icu"), ("d", None, None))
    subject.engine.ensure_databases(
        tuple(t.Database(name=name, character_set=charset, collate=collate) for name, charset, collate in wanted))
    listed = subject.engine.list_databases(asking.EVERYTHING).items
    found = {item.name: (item.character_set, item.collate) for item in listed}
    assert found == {"a": ("LATIN1", "C"), "b": ("UTF8", "C"), "c": ("UTF8", "de-AT-x-icu"), "d": ("UTF8", "C.UTF-8")}


@pytest.mark.parametrize("collate", ["xx-x-icu", "de_XX.utf8"])
def test_a_collation_that_the_server_has_not_is_invalid(subject: Subject, collate: str) -> None:
    with asking.refused(Invalid):
        subject.engine.ensure_databases((t.Database(name="a", collate=collate),))
    assert databases(subject) == []


def test_the_encodings_are_the_servers(running: Subject) -> None:
    rows = sql(running, "SELECT pg_encoding_to_char(number) FROM generate_series(0, 34) number")
    assert {name for (name,) in rows} - {"MULE_INTERNAL"} == rules.ENCODINGS


def test_no_statement_holds_a_password(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the agent's own sessions were logged, which they are not."""
    loud = {name: value for name, value in subject.engine.sql._settings.items() if not name.startswith("log_")}
    monkeypatch.setattr(subject.engine.sql, "_settings", loud)
    subject.engine.log.mark()
    sql(subject, "ALTER SYSTEM SET log_statement = 'all'")
    sql(subject, "SELECT pg_reload_conf()")
    try:
        make_user(subject, "bob", password="seen-nowhere")
        subject.engine.update_attributes(BOB, t.UserChanges(password=Secret("seen-nowhere")))
        subject.engine.enable_root(Secret("seen-nowhere"))
    finally:
        sql(subject, "ALTER SYSTEM RESET log_statement")
        sql(subject, "SELECT pg_reload_conf()")
    logged = subject.engine.log.since_mark()
    assert "CREATE ROLE" in logged or "ALTER ROLE" in logged
    assert "seen-nowhere" not in logged


def test_the_server_still_runs_when_it_has_no_connection_free(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare(overrides={"max_connections": "2", "superuser_reserved_connections": "1",
                                                          "max_wal_senders": "0"}))
    untouched.engine.start(60)
    with untouched.engine.sql.session(), untouched.engine.sql.session():
        health = untouched.engine.health()
    assert health.status is ServiceStatus.RUNNING and "no connection free" in health.sentence, health


def test_a_lock_of_a_client_makes_it_busy_and_not_stuck(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(subject.engine.sql._settings, "lock_timeout", "300ms")
    make_user(subject, "bob")
    with subject.engine.sql.session() as other:
        other.execute("BEGIN")
        other.execute("ALTER ROLE bob CONNECTION LIMIT 5")
        with asking.refused(Busy):
            subject.engine.update_attributes(BOB, t.UserChanges(password=Secret("new")))


def test_a_server_that_cannot_start_says_why(running: Subject, untouched: Subject) -> None:
    """Here the port is taken."""
    context = untouched.engine.context
    untouched.engine.initialise(asking.prepare())
    object.__setattr__(context, "port", running.engine.context.port)
    untouched.engine.configure()
    with pytest.raises(EngineFailed, match="Address already in use") as caught:
        untouched.engine.start(30)
    assert str(untouched.engine.layout.log) in caught.value.hint
    assert len(caught.value.message) < 1200
    assert untouched.host.database().process is None


def test_a_wrong_override_is_named(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare(overrides={"max_connections": "33"}))
    untouched.engine.start(60)
    assert sql(untouched, "SELECT current_setting('max_connections')") == [("33",)]
    untouched.engine.stop(30)
    untouched.host.write_for_engine(untouched.engine.layout.overrides, "no_such_thing = 1\n")
    with pytest.raises(EngineFailed, match="no_such_thing"):
        untouched.engine.start(30)


def test_neither_overrides_nor_alter_system_move_what_is_ours(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare())
    untouched.engine.start(60)
    for name in ("port", "listen_addresses", "hba_file", "ident_file", "unix_socket_directories"):
        sql(untouched, f"ALTER SYSTEM SET {name} = '2'")
    untouched.engine.stop(30)
    untouched.engine = untouched.remake()
    untouched.engine.configure()
    untouched.host.write_for_engine(
        untouched.engine.layout.overrides, "port = 1\nlisten_addresses = '*'\nhba_file = '/tmp/x'\n")
    untouched.engine.start(60)
    context = untouched.engine.context
    assert sql(untouched, "SELECT current_setting('port'), current_setting('listen_addresses'),"
                          " current_setting('hba_file')") == [
        (str(context.port), context.address, str(untouched.engine.layout.hba))]


def test_a_server_is_stopped_though_clients_are_in(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare())
    untouched.engine.start(60)
    with untouched.engine.sql.session():
        untouched.engine.stop(20)
    with pytest.raises(NotReady), untouched.engine.sql.session():
        pass
    assert "fast shutdown" in untouched.engine.layout.log.read_text()
    assert "shut down" in untouched.engine.layout.log.read_text()


def test_nothing_is_open_that_nobody_asked_for(running: Subject) -> None:
    """Not even to the system's own account that the server runs as."""
    found = sql(running, "SELECT rolname FROM pg_roles WHERE rolcanlogin")
    assert {name for (name,) in found} <= {"postgres", "root"}
    for name in ("postgres", "root", "nobody"):
        assert not running.client.can_log_in(name, "")
    rows = sql(running, "SELECT auth_method FROM pg_hba_file_rules ORDER BY line_number")
    assert [method for (method,) in rows] == ["peer", "reject", "scram-sha-256"]


def test_the_servers_user_is_not_the_agent(subject: Subject) -> None:
    """What a tenant with root runs as a program gets in by no socket."""
    root = subject.engine.enable_root(None).password.reveal()
    run = subject.engine.context.run_dir
    port = subject.engine.context.port
    program = f"{subject.client.program} -w -h {run} -p {port} -U %s postgres -c \"SELECT 1\" 2>&1"
    for name in ("postgres", "root", "trove_owner_1"):
        copied = f"CREATE TEMP TABLE said (line TEXT); COPY said FROM PROGRAM '{program % name} || true';" \
                 " SELECT line FROM said;"
        answer = said(subject, "root", "postgres", copied, root)
        assert "authentication failed" in answer or "no pg_hba.conf entry" in answer, answer


def test_only_letters_and_digits_are_in_a_random_password(subject: Subject) -> None:
    drawn = subject.engine.enable_root(None).password.reveal()
    assert set(drawn) <= set(string.ascii_letters + string.digits + "-_")
    assert len(drawn) == 36


def test_a_closed_root_takes_its_rights_with_it(subject: Subject) -> None:
    """A function that runs in its name is none of a superuser's any more."""
    make_databases(subject, "a")
    make_user(subject, "bob", "a")
    root = subject.engine.enable_root(None).password.reveal()
    assert said(subject, "root", "a", "CREATE FUNCTION who() RETURNS text LANGUAGE sql SECURITY DEFINER AS"
                                      " 'SELECT setting FROM pg_settings WHERE name = ''data_directory''';", root) == ""
    assert said(subject, "bob", "a", "SELECT who()") != ""
    subject.engine.disable_root()
    assert said(subject, "bob", "a", "SELECT who()") == ""
