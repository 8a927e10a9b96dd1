"""The superuser for the tenant."""

from common.errors import Invalid
from common.secret import Secret

from .asking import accounts, make_place, refused
from .subject import Subject


def is_closed_at_first(subject: Subject) -> None:
    assert subject.engine.is_root_enabled() is False
    assert not subject.client.can_log_in("root", "")


def opens_with_a_password_of_its_own(subject: Subject) -> None:
    make_place(subject, "a")
    credential = subject.engine.enable_root(None)
    assert credential.name == "root"
    assert len(credential.password.reveal()) >= 32
    assert credential.password.reveal() not in repr(credential)
    assert subject.engine.is_root_enabled()
    assert subject.client.can_use("root", credential.password.reveal(), "a")
    assert accounts(subject) == []


def opens_with_a_given_password(subject: Subject) -> None:
    password = "giv'en \"`\\%s"
    for _ in range(2):
        assert subject.engine.enable_root(Secret(password)).password == Secret(password)
    assert subject.client.can_log_in("root", password)


def draws_another_password_each_time(subject: Subject) -> None:
    first, second = (subject.engine.enable_root(None).password.reveal() for _ in range(2))
    assert first != second
    assert not subject.client.can_log_in("root", first)
    assert subject.client.can_log_in("root", second)


def refuses_an_empty_password(subject: Subject) -> None:
    with refused(Invalid):
        subject.engine.enable_root(Secret(""))
    assert not subject.engine.is_root_enabled()


def closes_twice(subject: Subject) -> None:
    password = subject.engine.enable_root(None).password.reveal()
    for _ in range(2):
        subject.engine.disable_root()
        assert subject.engine.is_root_enabled() is False
        assert not subject.client.can_log_in("root", password)


def opens_again_after_it_was_closed(subject: Subject) -> None:
    old = subject.engine.enable_root(None).password.reveal()
    subject.engine.disable_root()
    new = subject.engine.enable_root(None).password.reveal()
    assert subject.client.can_log_in("root", new)
    assert not subject.client.can_log_in("root", old)


def throws_out_clients_when_it_closes(subject: Subject) -> None:
    make_place(subject, "a")
    password = subject.engine.enable_root(None).password.reveal()
    assert not subject.client.stays_logged_in("root", password, "a", subject.engine.disable_root)
