"""What an account may do, shown by what a client with its login can do."""

from functools import partial

from common.contract import types as t
from common.errors import NotFound

from .asking import PASSWORD, accounts, databases, granted, make_databases, make_user, refused
from .nasty import NASTY, goes
from .subject import Subject

BOB = t.UserRef(name="bob")


def opens_a_database(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    make_user(subject, "bob")
    assert not subject.client.can_use("bob", PASSWORD, "a")
    for _ in range(2):
        subject.engine.grant_access(BOB, ("a",))
    assert granted(subject, "bob") == ("a",)
    assert subject.client.can_use("bob", PASSWORD, "a")
    assert not subject.client.can_use("bob", PASSWORD, "b")


def opens_that_one_alone(subject: Subject) -> None:
    """``_`` and ``%`` are wildcards in the grants of some engines."""
    make_databases(subject, "a_b", "axb", "a%", "abc", "p\\_q", "p_q", "pxq")
    make_user(subject, "bob", "a_b", "a%", "p\\_q")
    assert granted(subject, "bob") == ("a%", "a_b", "p\\_q")
    assert subject.client.sees("bob", PASSWORD) == {"a%", "a_b", "p\\_q"}
    for name in ("a_b", "a%", "p\\_q"):
        assert subject.client.can_use("bob", PASSWORD, name), name
    for name in ("axb", "abc", "p_q", "pxq"):
        assert not subject.client.can_use("bob", PASSWORD, name), name


def closes_it_again(subject: Subject) -> None:
    make_databases(subject, "a_b", "b")
    make_user(subject, "bob", "a_b", "b")
    subject.engine.revoke_access(BOB, "a_b")
    assert granted(subject, "bob") == ("b",)
    assert not subject.client.can_use("bob", PASSWORD, "a_b")
    assert subject.client.can_use("bob", PASSWORD, "b")
    with refused(NotFound, naming="a_b"):
        subject.engine.revoke_access(BOB, "a_b")


def closes_it_to_clients_that_are_in(subject: Subject) -> None:
    make_databases(subject, "a")
    make_user(subject, "bob", "a")
    assert subject.client.stays_logged_in("bob", PASSWORD, "a", lambda: None)
    assert not subject.client.stays_logged_in("bob", PASSWORD, "a", lambda: subject.engine.revoke_access(BOB, "a"))


def is_made_with_the_account(subject: Subject) -> None:
    make_databases(subject, "a", "b", "c")
    make_user(subject, "bob", "a", "b")
    assert granted(subject, "bob") == ("a", "b")
    assert subject.client.can_use("bob", PASSWORD, "a")
    assert not subject.client.can_use("bob", PASSWORD, "c")
    assert subject.client.sees("bob", PASSWORD) == {"a", "b"}


def stays_when_an_account_is_ensured_with_more(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    make_user(subject, "bob", "a")
    make_user(subject, "bob", "b")
    assert granted(subject, "bob") == ("a", "b")


def to_what_is_missing_makes_no_account(subject: Subject) -> None:
    make_databases(subject, "a")
    with refused(NotFound, naming="nowhere"):
        make_user(subject, "bob", "a", "nowhere")
    assert accounts(subject) == []


def names_what_is_missing(subject: Subject) -> None:
    make_databases(subject, "a")
    with refused(NotFound, naming="bob"):
        subject.engine.grant_access(BOB, ("a",))
    with refused(NotFound, naming="bob"):
        subject.engine.revoke_access(BOB, "a")
    make_user(subject, "bob")
    with refused(NotFound, naming="nowhere"):
        subject.engine.grant_access(BOB, ("a", "nowhere"))
    assert granted(subject, "bob") == ()
    with refused(NotFound, naming="a"):
        subject.engine.revoke_access(BOB, "a")


def gives_no_right_over_others(subject: Subject) -> None:
    make_databases(subject, "a")
    make_user(subject, "bob", "a")
    for name in subject.manifest.reserved_databases - {"information_schema"}:
        assert not subject.client.can_use("bob", PASSWORD, name), name


def with_nasty_names_works_or_is_refused(subject: Subject) -> None:
    make_databases(subject, "canary")
    make_user(subject, "bob", "canary")
    for name in NASTY:
        if not goes(partial(make_databases, subject, name)):
            assert databases(subject) == ["canary"], name
            continue
        assert databases(subject) == sorted(["canary", name]), name
        make_databases(subject, name)
        subject.engine.grant_access(t.UserRef(name="bob"), (name,))
        assert granted(subject, "bob") == tuple(sorted(["canary", name])), name
        assert subject.client.can_use("bob", PASSWORD, name), name
        subject.engine.revoke_access(t.UserRef(name="bob"), name)
        assert not subject.client.can_use("bob", PASSWORD, name), name
        subject.engine.delete_database(name)
        assert databases(subject) == ["canary"], name
    assert granted(subject, "bob") == ("canary",)
