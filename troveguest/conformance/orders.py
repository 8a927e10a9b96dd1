"""How orders are kept and carried out, on a real journal in the subject's home."""

from common.contract import types as t
from common.errors import Conflict, Invalid
from common.secret import Secret

from ..journal import Journal
from . import asking
from .ordering import agent, request
from .subject import Subject


def are_done_once_and_answered_from_the_journal(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host) as made:
        assert made.order("prepare", order=asking.prepare()).state is t.OperationState.DONE
        assert made.order("prepare", order=asking.prepare()).state is t.OperationState.DONE
    assert subject.host.starts == 1


def are_known_to_the_next_life(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host) as made:
        made.order("prepare", order=asking.prepare())
    with agent(subject.host.home, subject.remake(), subject.host) as made:
        assert made.journal.wanted.up and made.journal.boot_count == 2
        assert made.order("prepare", order=asking.prepare()).state is t.OperationState.DONE
        assert made.order("stop_db", "op-2").state is t.OperationState.DONE
    assert subject.host.starts == 1 and subject.host.database().process is None


def that_were_under_way_are_taken_up_by_the_next_life(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host) as made:
        made.operations.stop(10)
        made.operations.accept(request("prepare", order=asking.prepare()))
    assert not subject.engine.is_initialised()
    with agent(subject.host.home, subject.remake(), subject.host) as made:
        assert made.ended("op-1").state is t.OperationState.DONE
    assert asking.databases(subject) == []


def that_fail_say_why(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host) as made:
        failure = made.order("restart").failure
    assert failure is not None and failure.code == Conflict.code and failure.message.endswith("."), failure


def fail_for_settings_with_which_no_server_starts(subject: Subject) -> None:
    """Though it serves again at the end."""
    with agent(subject.host.home, subject.engine, subject.host) as made:
        made.order("prepare", order=asking.prepare())
        subject.engine.update_overrides({"buffer_size": "0"}, (), False)
        failure = made.order("restart", "op-2").failure
        assert failure is not None and failure.code == Invalid.code, failure
        assert "buffer_size as set, so the settings before are in force again" in failure.message
        assert made.order("restart", "op-3").state is t.OperationState.DONE
    assert subject.engine.health().status is t.ServiceStatus.HEALTHY


def leave_no_password_in_clear(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host) as made:
        made.operations.stop(10)
        user = t.NewUser(name="bob", password=Secret(asking.PASSWORD))
        made.operations.accept(request("prepare", order=asking.prepare(users=(user,))))
        assert asking.PASSWORD.encode() not in (subject.host.home / "journal").read_bytes()


def are_taken_by_one_agent_alone(subject: Subject) -> None:
    with agent(subject.host.home, subject.engine, subject.host), asking.refused(Conflict):
        Journal(subject.host.home)
