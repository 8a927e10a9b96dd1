"""The noun user."""

from common.contract import types as t
from common.errors import Exists, Invalid, NotFound, Refused
from common.secret import Secret

from .asking import PASSWORD, accounts, granted, make_place, make_user, pages, refused
from .subject import Subject

NASTY_PASSWORDS = (
    "'", '"', "`", "\\", "%s", "%", "{}", ";", "--", " ", " outer ", "a'b\"c`d\\e%f_g", "密码", "pässwörd", "🔑",
    "\n\t", "'; DROP DATABASE mysql; -- ", "x" * 256, "$(id)", "\\'; --",
)  # fmt: skip


def makes_one_that_can_log_in(subject: Subject) -> None:
    make_user(subject, "bob")
    assert accounts(subject) == [("bob", "%")]
    assert subject.client.can_log_in("bob", PASSWORD)
    assert not subject.client.can_log_in("bob", "wrong")
    assert not subject.client.can_log_in("bob", "")


def ensures_again_with_a_new_password(subject: Subject) -> None:
    make_user(subject, "bob")
    make_user(subject, "bob", password="another")
    assert accounts(subject) == [("bob", "%")]
    assert not subject.client.can_log_in("bob", PASSWORD)
    assert subject.client.can_log_in("bob", "another")


def throws_out_clients_of_one_that_is_deleted(subject: Subject) -> None:
    place = make_place(subject, "a")
    make_user(subject, "bob", *place)
    assert subject.client.stays_logged_in("bob", PASSWORD, "a", lambda: None)
    delete = lambda: subject.engine.delete_user(t.UserRef(name="bob"))  # noqa: E731
    assert not subject.client.stays_logged_in("bob", PASSWORD, "a", delete)


def takes_any_password(subject: Subject) -> None:
    for password in NASTY_PASSWORDS:
        make_user(subject, "bob", password=password)
        assert subject.client.can_log_in("bob", password), password
        assert not subject.client.can_log_in("bob", password + "x"), password


def refuses_an_empty_password(subject: Subject) -> None:
    with refused(Invalid):
        make_user(subject, "bob", password="")
    assert accounts(subject) == []


def makes_none_when_one_is_wrong(subject: Subject) -> None:
    good = t.NewUser(name="good", password=Secret(PASSWORD))
    bad = t.NewUser(name="", password=Secret(PASSWORD))
    with refused(Invalid):
        subject.engine.ensure_users((good, bad))
    assert accounts(subject) == []


def hides_the_servers_own(subject: Subject) -> None:
    subject.engine.enable_root(None)
    make_user(subject, "bob")
    assert accounts(subject) == [("bob", "%")]
    for name in subject.manifest.reserved_users:
        with refused(Refused, naming=name):
            make_user(subject, name)
        with refused(Refused, NotFound):
            subject.engine.get_user(t.UserRef(name=name))
        with refused(Refused, NotFound):
            subject.engine.delete_user(t.UserRef(name=name))
        with refused(Refused):
            make_user(subject, name.upper())
    with refused(Refused):
        subject.engine.update_attributes(t.UserRef(name="bob"), t.UserChanges(name="root"))


def pages_by_name(subject: Subject) -> None:
    wanted = ["a", "a@b", "b", "c"]
    for name in reversed(wanted):
        make_user(subject, name)
    assert pages(subject, 2) == [[("a", "%"), ("a@b", "%")], [("b", "%"), ("c", "%")]]


def deletes(subject: Subject) -> None:
    make_user(subject, "bob")
    subject.engine.delete_user(t.UserRef(name="bob"))
    assert accounts(subject) == []
    assert not subject.client.can_log_in("bob", PASSWORD)
    with refused(NotFound, naming="bob"):
        subject.engine.delete_user(t.UserRef(name="bob"))
    with refused(NotFound, naming="bob"):
        subject.engine.get_user(t.UserRef(name="bob"))


def changes_a_password(subject: Subject) -> None:
    make_user(subject, "bob", *make_place(subject, "a"))
    for _ in range(2):
        subject.engine.update_attributes(t.UserRef(name="bob"), t.UserChanges(password=Secret("another")))
    assert subject.client.can_use("bob", "another", "a")
    assert not subject.client.can_log_in("bob", PASSWORD)


def changes_a_name_and_keeps_grants_and_password(subject: Subject) -> None:
    place = make_place(subject, "a_b")
    make_user(subject, "bob", *place)
    subject.engine.update_attributes(t.UserRef(name="bob"), t.UserChanges(name="eve"))
    assert accounts(subject) == [("eve", "%")]
    assert granted(subject, "eve") == place
    assert subject.client.can_use("eve", PASSWORD, "a_b")
    assert not subject.client.can_log_in("bob", PASSWORD)


def does_not_rename_onto_another(subject: Subject) -> None:
    make_user(subject, "bob")
    make_user(subject, "eve", password="eves")
    with refused(Exists, naming="eve"):
        subject.engine.update_attributes(t.UserRef(name="bob"), t.UserChanges(name="eve", password=Secret("x")))
    assert subject.client.can_log_in("bob", PASSWORD)
    assert subject.client.can_log_in("eve", "eves")


def changes_nobody_who_is_not_there(subject: Subject) -> None:
    for changes in (t.UserChanges(name="eve"), t.UserChanges(password=Secret("x"))):
        with refused(NotFound, naming="bob"):
            subject.engine.update_attributes(t.UserRef(name="bob"), changes)
    assert accounts(subject) == []
