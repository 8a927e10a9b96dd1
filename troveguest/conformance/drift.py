"""What somebody else changed is seen, put right where it is ours, and never by touching the server."""

from common.contract.types import ServiceStatus

from .asking import accounts, left, make_place, make_user
from .subject import Subject


def finds_nothing_where_nothing_changed(subject: Subject) -> None:
    make_user(subject, "anna", *make_place(subject, "kept"))
    for _ in range(2):
        assert subject.engine.tend(True) == ()
    assert subject.remake().tend(True) == (), "the first look of a new agent is no news"


def puts_the_servers_command_right_and_leaves_the_server_alone(subject: Subject) -> None:
    subject.engine.tend(True)
    process = subject.host.database().process
    subject.host.set_command(["/bin/false"])
    [found] = subject.engine.tend(True)
    assert found.repaired and "command" in found.sentence, found
    assert subject.engine.tend(True) == ()
    assert subject.host.database().process == process
    subject.engine.stop(60)
    subject.engine.start(60)
    assert subject.engine.health().status is ServiceStatus.HEALTHY


def looks_after_files_while_the_server_is_down(subject: Subject) -> None:
    subject.engine.tend(True)
    subject.engine.stop(60)
    try:
        subject.host.set_command(["/bin/false"])
        assert [found.repaired for found in subject.engine.tend(False)] == [True]
        assert subject.host.database().process is None
    finally:
        subject.engine.start(60)


def leaves_what_the_tenant_owns_alone(subject: Subject) -> None:
    make_user(subject, "anna", *make_place(subject, "kept"))
    before = left(subject), accounts(subject)
    subject.engine.tend(True)
    assert (left(subject), accounts(subject)) == before
