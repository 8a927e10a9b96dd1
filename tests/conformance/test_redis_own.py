"""What Redis alone has: ACL users and their file, what is kept on the disk, and what its superuser cannot reach."""

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from common.contract import types as t
from common.contract.types import ServiceStatus
from common.datastores import redis as rules
from common.errors import EngineFailed, NotReady, TroveError, Unsupported
from common.secret import Secret
from tests.conformance import redis
from troveguest.conformance import asking
from troveguest.conformance.asking import PASSWORD, accounts, make_user
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server

BOB = t.UserRef(name="bob")
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def running() -> Iterator[Subject]:
    yield from redis.running()


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    yield running
    running.engine.tend(True)
    asking.empty(running)


@pytest.fixture
def untouched() -> Iterator[Subject]:
    yield from redis.subjects()


def serve(subject: Subject, **overrides: str) -> None:
    settings = {name.replace("_", "-"): value for name, value in overrides.items()}
    subject.engine.initialise(asking.prepare(overrides=settings))
    subject.engine.start(60)


def ask(subject: Subject, *words: str) -> object:
    """As the agent."""
    with subject.engine.client.session() as session:
        return session.ask(*words)


def as_root(subject: Subject, *commands: str) -> list[str]:
    """What a tenant with root gets for each command."""
    root = subject.engine.enable_root(None).password.reveal()
    return [subject.client.run("root", root, *command.split(" ")) for command in commands]


@quick
@given(name=st.text(st.one_of(st.sampled_from("\"'\\%_/.-;=#>+@(~&"), st.characters(exclude_categories=["Cs"]))))
@example(name="(~a")
@example(name=")")
def test_a_user_name_that_the_rules_take_is_the_name_it_gets_and_keeps(running: Subject, name: str) -> None:
    try:
        rules.check_user(name, "%")
    except TroveError:
        assume(False)
    make_user(running, name)
    try:
        assert accounts(running) == [(name, "%")]
        assert running.client.can_log_in(name, PASSWORD)
        assert ask(running, "ACL", "LOAD") == "OK", "the file is one that the server reads"
        assert accounts(running) == [(name, "%")]
    finally:
        running.engine.delete_user(t.UserRef(name=name))


def test_nobody_gets_in_without_a_password(subject: Subject) -> None:
    assert subject.client.raw("PING").startswith("-NOAUTH")
    assert subject.client.raw("AUTH", "anything").startswith("-WRONGPASS")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(subject.engine.layout.socket))
        assert redis.send(line, "PING").startswith("-NOAUTH")
    [flags] = [found[1] for found in [ask(subject, "ACL", "GETUSER", "default")] if isinstance(found, list)]
    assert "off" in flags and "nopass" not in flags, "else who comes from elsewhere would be told another reason"
    for name in ("default", "os_admin", "root", "nobody"):
        assert not subject.client.can_log_in(name, "") and not subject.client.can_log_in(name, PASSWORD)


def test_users_are_in_the_file_when_an_order_ends(untouched: Subject) -> None:
    serve(untouched)
    make_user(untouched, "kept")
    make_user(untouched, "gone")
    untouched.engine.delete_user(t.UserRef(name="gone"))
    untouched.engine.update_attributes(t.UserRef(name="kept"), t.UserChanges(password=Secret("another")))
    root = untouched.engine.enable_root(None).password.reveal()
    untouched.host.signal(signal.SIGKILL)
    untouched.engine.start(60)
    assert accounts(untouched) == [("kept", "%")]
    assert untouched.client.can_log_in("kept", "another") and untouched.client.can_log_in("root", root)
    assert not untouched.client.can_log_in("gone", PASSWORD)


def test_a_start_writes_the_file_of_users_only_where_it_must(untouched: Subject) -> None:
    """So it needs no room on a full volume."""
    serve(untouched)
    make_user(untouched, "bob")
    before = untouched.engine.layout.users.stat()
    untouched.engine.stop(20)
    untouched.engine.start(60)
    after = untouched.engine.layout.users.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_user_uses_all_data_and_steers_nothing(subject: Subject) -> None:
    make_user(subject, "bob")
    for command in ("SET a 1", "GET a", "KEYS *", "INFO server", "EVAL return(1) 0", "PUBLISH any word", "FLUSHDB"):
        assert "NOPERM" not in subject.client.run("bob", PASSWORD, *command.split(" ")), command
    for command in ("CONFIG GET dir", "ACL LIST", "SHUTDOWN", "REPLICAOF 127.0.0.1 1", "MONITOR", "SAVE", "CLIENT LIST",
                    "MODULE LIST", "MIGRATE 127.0.0.1 1 a 0 1", "SLOWLOG GET", "CLIENT PAUSE 1"):
        assert "NOPERM" in subject.client.run("bob", PASSWORD, *command.split(" ")), command


def test_a_user_has_no_databases(subject: Subject) -> None:
    with pytest.raises(Unsupported, match="no databases"):
        make_user(subject, "bob", "shop")
    assert accounts(subject) == []


def test_a_user_made_with_commands_is_one_like_others(subject: Subject) -> None:
    made, = as_root(subject, "ACL SETUSER bob on >first ~mine:* resetchannels +get +set (~other:* +get)")
    assert made == "OK" and accounts(subject) == [("bob", "%")]
    make_user(subject, "bob", password="second")
    assert "NOPERM" in subject.client.run("bob", "second", "SET", "theirs", "1"), "its own rules stay"
    subject.engine.update_attributes(BOB, t.UserChanges(name="eve"))
    assert subject.client.run("eve", "second", "SET", "mine:1", "1") == "OK"
    assert "NOPERM" in subject.client.run("eve", "second", "SET", "other:1", "1")
    assert subject.client.run("eve", "second", "GET", "other:1") == ""


def test_no_password_is_said_to_the_server(subject: Subject) -> None:
    """A superuser watches it."""
    root = subject.engine.enable_root(None).password.reveal()
    with subject.client.connect() as line:
        redis.send(line, "AUTH", "root", root)
        assert redis.send(line, "MONITOR") == "+OK"
        as_root(subject, "CONFIG SET slowlog-log-slower-than 0")
        make_user(subject, "bob", password="seen-nowhere")
        said, = as_root(subject, "SLOWLOG GET 100")
        subject.client.run("bob", "seen-nowhere", "SET", "end", "here")
        seen = ""
        while "end" not in seen:
            seen += line.recv(65536).decode()
    assert "seen-nowhere" not in seen + said and subject.engine.key.reveal() not in seen + said


HOSTILE = (
    "CONFIG SET dir /tmp", "CONFIG SET dbfilename evil.so", "CONFIG SET aclfile /tmp/trove-evil.acl",
    "CONFIG SET logfile /tmp/trove-evil", "CONFIG SET pidfile /tmp/trove-evil", "CONFIG SET unixsocket /tmp/trove-evil",
    "CONFIG SET appenddirname ../../x", "CONFIG SET appendfilename evil", "CONFIG SET enable-module-command yes",
    "CONFIG SET enable-protected-configs yes", "CONFIG SET enable-debug-command yes",
    "CONFIG SET loadmodule /tmp/trove-evil.so", "CONFIG SET include /etc/passwd", "CONFIG REWRITE",
    "MODULE LOAD /tmp/trove-evil.so", "MODULE LOADEX /tmp/trove-evil.so", "DEBUG SEGFAULT", "DEBUG RELOAD",
    "DEBUG SET-ACTIVE-EXPIRE 0", "DEBUG SLEEP 5", "EVAL return(os.execute('id')) 0",
    "EVAL return(io.open('/etc/passwd'):read()) 0", "EVAL return(loadfile('/etc/passwd')) 0",
    "EVAL return(dofile('/etc/passwd')) 0", "EVAL return(package.loadlib('/lib/libc.so.6','system')) 0",
    "EVAL return(require('os')) 0", "EVAL return(load('x')) 0 x y z", "CLUSTER MEET 127.0.0.1 1",
)  # fmt: skip


@pytest.mark.parametrize("command", HOSTILE)
def test_a_superuser_reaches_no_file_and_runs_no_program(subject: Subject, command: str) -> None:
    process, before = subject.host.database().process, listing(subject)
    said, = as_root(subject, command)
    assert "ERR" in said or said == "", said
    assert "root:x:0" not in said and "uid=" not in said
    assert subject.host.database().process == process
    assert listing(subject) == before and not list(Path("/tmp").glob("trove-evil*"))


def listing(subject: Subject) -> list[str]:
    """All files of the instance but what its server writes; and what is in those of the agent."""
    top = subject.host.home
    return [f"{path}: {path.read_bytes() if path.parent.name == 'config' else ''}" for path in sorted(top.rglob("*"))
            if path.is_file() and "data" not in path.relative_to(top).parts and path.parent.name != "log"]


def test_what_a_superuser_saves_stays_on_the_volume(subject: Subject) -> None:
    assert as_root(subject, "SET a 1", "SAVE", "ACL SAVE") == ["OK"] * 3
    assert (subject.engine.layout.data / "dump.rdb").exists()


def test_a_server_that_is_led_by_a_stranger_loads_no_program(untouched: Subject) -> None:
    """The known way in: a foreign leader sends a program in place of data, which is then loaded as a module."""
    serve(untouched)
    program = b"\x7fELF" + b"\0" * 100
    with socket.create_server(("127.0.0.1", 0)) as leader:
        fed = threading.Event()
        threading.Thread(target=lead, args=(leader, program, fed), daemon=True).start()
        said = as_root(untouched, "CONFIG SET dbfilename evil.so", f"REPLICAOF 127.0.0.1 {leader.getsockname()[1]}")
        assert "protected" in said[0] and said[1] == "OK"
        assert fed.wait(20)
        [told] = untouched.engine.tend(True)
        assert "follow 127.0.0.1" in told.sentence and not told.repaired
    untouched.engine.start(60)
    written = [path for path in untouched.engine.layout.data.rglob("*") if path.is_file()]
    assert not any(path.name.endswith(".so") for path in written)
    assert "not allowed" in as_root(untouched, f"MODULE LOAD {untouched.engine.layout.data}/dump.rdb")[0]


def lead(server: socket.socket, program: bytes, fed: threading.Event) -> None:
    """Answers what a follower asks first, and sends ``program`` as the data."""
    line, _ = server.accept()
    with line:
        while words := line.recv(4096):
            for command in words.split(b"*")[1:]:
                if b"PSYNC" in command:
                    line.sendall(b"+FULLRESYNC " + b"a" * 40 + b" 1\r\n$%d\r\n%b" % (len(program), program))
                    fed.set()
                else:
                    line.sendall(b"+PONG\r\n" if b"PING" in command else b"+OK\r\n")


def test_a_server_is_stopped_though_a_script_runs(untouched: Subject) -> None:
    serve(untouched, busy_reply_threshold="100")
    make_user(untouched, "bob")
    with untouched.client.connect() as line:
        redis.send(line, "AUTH", "bob", PASSWORD)
        line.sendall(b"EVAL \"while true do end\" 0\r\n")
        health = untouched.engine.health()
        while "script" not in health.sentence:
            health = untouched.engine.health()
        assert health.status is ServiceStatus.RUNNING, health
        untouched.engine.stop(3)
    untouched.engine.start(60)
    assert untouched.engine.health().status is ServiceStatus.HEALTHY


def test_the_server_still_runs_when_it_has_no_connection_free(subject: Subject) -> None:
    with subject.client.connect():
        assert as_root(subject, "CONFIG SET maxclients 1") == ["OK"]
        health = subject.engine.health()
        assert health.status is ServiceStatus.RUNNING and "no connection free" in health.sentence, health
    while subject.engine.health().status is not ServiceStatus.HEALTHY:
        pass
    assert ask(subject, "CONFIG", "SET", "maxclients", "1024") == "OK"


def test_data_outlives_the_server_and_memory_is_bounded(untouched: Subject) -> None:
    serve(untouched, maxmemory="8388608", appendfsync="always")
    make_user(untouched, "bob")
    said = [untouched.client.run("bob", PASSWORD, "SET", f"key{number}", "x" * 100000) for number in range(90)]
    assert said[0] == "OK" and "OOM" in said[-1]
    untouched.host.signal(signal.SIGKILL)
    untouched.engine.start(60)
    assert len(untouched.client.run("bob", PASSWORD, "GET", "key0")) == 100000


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
    untouched.engine.initialise(asking.prepare(overrides={"no-such-thing": "1"}))
    with pytest.raises(EngineFailed, match="no-such-thing"):
        untouched.engine.start(30)


def test_what_stands_in_the_file_of_settings_does_not_move_what_is_ours(untouched: Subject) -> None:
    untouched.engine.initialise(asking.prepare())
    untouched.host.write_for_engine(untouched.engine.layout.overrides, """
        port 1
        bind 0.0.0.0
        dir /tmp
        enable-module-command yes
        hz 33
    """)
    untouched.engine.start(60)
    found = untouched.engine.get_settings(("port", "bind", "dir", "enable-module-command", "hz"))
    assert found == {"port": str(untouched.engine.context.port), "bind": "127.0.0.1", "hz": "33",
                     "dir": str(untouched.engine.layout.data), "enable-module-command": "no"}


def test_what_is_dropped_is_again_what_the_server_has_by_itself(subject: Subject) -> None:
    before = subject.engine.get_settings(("hz", "list-max-listpack-size", "maxmemory-policy"))
    subject.engine.update_overrides({"hz": "50", "list-max-listpack-size": "10", "maxmemory-policy": "allkeys-lru"},
                                    tuple(before), False)
    assert subject.engine.get_settings(tuple(before))["hz"] == "50"
    subject.engine.update_overrides({}, tuple(before), False)
    assert subject.engine.get_settings(tuple(before)) == before
    assert subject.engine.tend(True) == ()


def test_nobody_is_let_in_while_data_is_read(untouched: Subject) -> None:
    """A start ends when clients are served, and not before."""
    serve(untouched, key_load_delay="0")
    with untouched.engine.client.session() as session:
        for number in range(200):
            session.ask("SET", f"key{number}", "x")
    untouched.engine.stop(30)
    untouched.engine.start(60)
    assert ask(untouched, "DBSIZE") == 200


def test_a_stopped_server_lets_go_of_its_socket(untouched: Subject) -> None:
    serve(untouched)
    untouched.engine.stop(20)
    with pytest.raises(NotReady), untouched.engine.client.session():
        pass
