"""The hosts of users, of engines that have them."""

from common.contract import types as t
from common.errors import NotFound
from common.secret import Secret

from .asking import accounts, granted, make_databases, make_user, pages, refused
from .subject import Subject


def keeps_accounts_of_one_name_apart_by_host(subject: Subject) -> None:
    make_databases(subject, "a")
    make_user(subject, "bob", "a", host="127.0.0.1")
    make_user(subject, "bob", host="192.0.2.%")
    assert accounts(subject) == [("bob", "127.0.0.1"), ("bob", "192.0.2.%")]
    assert granted(subject, "bob", "127.0.0.1") == ("a",)
    assert granted(subject, "bob", "192.0.2.%") == ()
    with refused(NotFound, naming="bob"):
        subject.engine.get_user(t.UserRef(name="bob"))
    subject.engine.delete_user(t.UserRef(name="bob", host="192.0.2.%"))
    assert accounts(subject) == [("bob", "127.0.0.1")]


def pages_by_name_and_host(subject: Subject) -> None:
    wanted = [("a", "%"), ("a@b", "%"), ("b", "%"), ("b", "192.0.2.7"), ("c", "%")]
    for name, host in reversed(wanted):
        make_user(subject, name, host=host)
    assert pages(subject, 2) == [wanted[:2], wanted[2:4], wanted[4:]]


def changes_a_host(subject: Subject) -> None:
    make_databases(subject, "a")
    make_user(subject, "bob", "a")
    subject.engine.update_attributes(t.UserRef(name="bob"), t.UserChanges(host="127.0.0.1"))
    assert accounts(subject) == [("bob", "127.0.0.1")]
    assert granted(subject, "bob", "127.0.0.1") == ("a",)


def changes_everything_at_once(subject: Subject) -> None:
    make_user(subject, "bob")
    changes = t.UserChanges(name="eve", host="127.0.0.%", password=Secret("another"))
    subject.engine.update_attributes(t.UserRef(name="bob"), changes)
    assert accounts(subject) == [("eve", "127.0.0.%")]
    assert subject.client.can_log_in("eve", "another")
