"""What a tenant's root, or somebody on the machine, changed of what is ours in Redis: put right, or said."""

from collections.abc import Iterator

import pytest

from common.contract.types import ServiceStatus
from common.errors import EngineFailed
from tests.conformance import redis
from troveguest.conformance import asking
from troveguest.conformance.asking import PASSWORD, accounts, make_user
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def running() -> Iterator[Subject]:
    yield from redis.running()


@pytest.fixture
def untouched() -> Iterator[Subject]:
    yield from redis.subjects()


@pytest.fixture
def subject(running: Subject) -> Iterator[Subject]:
    running.engine.tend(True)
    yield running
    running.engine.tend(True)
    asking.empty(running)


def as_root(subject: Subject, command: str) -> None:
    root = subject.engine.enable_root(None).password.reveal()
    assert subject.client.run("root", root, *command.split(" ")) == "OK"


def saved(subject: Subject) -> str:
    """The file of users, without a word that Valkey leaves out when it saves them."""
    return str(subject.engine.layout.users.read_text()).replace(" sanitize-payload", "")


@pytest.mark.parametrize(("command", "named"), [
    ("ACL SETUSER os_admin >mine", "os_admin"), ("ACL SETUSER os_admin resetkeys ~mine nopass", "os_admin"),
    ("ACL SETUSER default on nopass ~* +@all", "default"), ("CONFIG SET requirepass mine", "default"),
    ("CONFIG SET protected-mode no", "protected-mode"), ("CONFIG SET shutdown-on-sigterm nosave", "on-sigterm"),
    ("CONFIG SET bind 0.0.0.0", "bind"),
])
def test_a_change_that_leaves_the_agent_its_rights_is_put_right(subject: Subject, command: str, named: str) -> None:
    process, before = subject.host.database().process, saved(subject)
    as_root(subject, command)
    [found] = subject.engine.tend(True)
    assert found.repaired and named in found.sentence
    assert subject.engine.tend(True) == ()
    assert subject.host.database().process == process
    subject.engine.disable_root()
    assert saved(subject) == before
    assert not subject.client.can_log_in("os_admin", "mine") and not subject.client.can_log_in("default", "mine")


def test_a_port_that_was_moved_comes_back(subject: Subject) -> None:
    make_user(subject, "anna")
    as_root(subject, f"CONFIG SET port {redis.free_port()}")
    with pytest.raises(ConnectionRefusedError):
        subject.client.raw("PING")
    [found] = subject.engine.tend(True)
    assert found.repaired and "port" in found.sentence
    assert subject.client.can_log_in("anna", PASSWORD)


def test_a_back_door_goes_with_root(subject: Subject) -> None:
    as_root(subject, "ACL SETUSER os_admin >mine")
    subject.engine.disable_root()
    assert not subject.client.can_log_in("os_admin", "mine")
    assert "mine" not in subject.engine.layout.users.read_text()


@pytest.mark.parametrize("command", [
    "ACL SETUSER os_admin off", "ACL SETUSER os_admin resetpass >mine", "ACL SETUSER os_admin -@all",
    "ACL SETUSER os_admin -acl", "ACL DELUSER os_admin",
])
@pytest.mark.parametrize("saved", [True, False])
def test_an_agent_that_was_shut_out_is_let_in_at_the_next_start(subject: Subject, command: str, saved: bool) -> None:
    make_user(subject, "anna")
    process = subject.host.database().process
    root = subject.engine.enable_root(None).password.reveal()
    assert subject.client.run("root", root, *command.split(" ")) in ("OK", "1")
    if saved:
        assert subject.client.run("root", root, "ACL", "SAVE") == "OK"
    for _ in range(2):
        [found] = subject.engine.tend(True)
        assert not found.repaired and "Restart the instance" in found.sentence
    with pytest.raises(EngineFailed, match="refuses the agent"):
        make_user(subject, "bert")
    assert subject.client.can_log_in("anna", PASSWORD)
    assert subject.host.database().process == process, "nobody asked for a restart"
    subject.engine.configure()
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.tend(True) == ()
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert accounts(subject) == [("anna", "%")] and subject.engine.is_root_enabled()


@pytest.mark.parametrize("file", ["config", "overrides", "own_users", "key"])
@pytest.mark.parametrize("how", ["edited", "removed"])
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


def test_a_password_that_is_gone_is_another_after_the_next_start(untouched: Subject) -> None:
    """As where an instance's volume is all that is left of it."""
    untouched.engine.initialise(asking.prepare())
    untouched.engine.start(60)
    make_user(untouched, "anna")
    untouched.engine.stop(60)
    before = untouched.engine.layout.key.read_text()
    untouched.engine.layout.key.unlink()
    untouched.engine = untouched.remake()
    untouched.engine.configure()
    untouched.engine.start(60)
    assert untouched.engine.layout.key.read_text() != before
    assert accounts(untouched) == [("anna", "%")]


def test_a_server_without_its_socket_serves_on_and_says_so(subject: Subject) -> None:
    make_user(subject, "anna")
    process = subject.host.database().process
    subject.engine.layout.socket.unlink()
    health = subject.engine.health()
    assert health.status is ServiceStatus.RUNNING and "socket" in health.sentence, health
    assert subject.client.can_log_in("anna", PASSWORD)
    assert subject.host.database().process == process
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.health().status is ServiceStatus.HEALTHY
