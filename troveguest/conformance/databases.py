"""The noun database."""

from common.contract import types as t
from common.errors import Invalid, NotFound, Refused

from .asking import databases, granted, make_databases, make_user, refused
from .subject import Subject


def lists_in_name_order(subject: Subject) -> None:
    make_databases(subject, "b", "B", "a", "é", "a_", "ab")
    assert databases(subject) == sorted(["b", "B", "a", "é", "a_", "ab"])


def hides_the_servers_own(subject: Subject) -> None:
    make_databases(subject, "mine")
    assert databases(subject) == ["mine"]
    for name in subject.manifest.reserved_databases:
        with refused(Refused, naming=name):
            make_databases(subject, name)
        with refused(Refused, naming=name):
            subject.engine.delete_database(name)
        with refused(Refused):
            make_databases(subject, name.upper())


def pages(subject: Subject) -> None:
    names = [f"db{number}" for number in range(7)]
    make_databases(subject, *names)
    first = subject.engine.list_databases(t.PageRequest(limit=3))
    second = subject.engine.list_databases(t.PageRequest(limit=3, marker=first.next_marker))
    third = subject.engine.list_databases(t.PageRequest(limit=3, marker=second.next_marker))
    assert [[item.name for item in page.items] for page in (first, second, third)] == [names[:3], names[3:6], names[6:]]
    assert (first.next_marker, second.next_marker, third.next_marker) == ("db2", "db5", None)


def pages_exactly_at_the_end(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    page = subject.engine.list_databases(t.PageRequest(limit=2))
    assert page.next_marker is None
    assert subject.engine.list_databases(t.PageRequest(limit=2, marker="zzz")).items == ()


def goes_on_behind_a_marker_that_is_gone(subject: Subject) -> None:
    make_databases(subject, "a", "c")
    assert [item.name for item in subject.engine.list_databases(t.PageRequest(marker="b")).items] == ["c"]


def ensures_again_and_again(subject: Subject) -> None:
    make_databases(subject, "a")
    make_databases(subject, "a", "b", "b")
    assert databases(subject) == ["a", "b"]


def makes_none_when_one_is_wrong(subject: Subject) -> None:
    with refused(Invalid, Refused):
        make_databases(subject, "good", "")
    assert databases(subject) == []


def deletes(subject: Subject) -> None:
    make_databases(subject, "a", "b")
    subject.engine.delete_database("a")
    assert databases(subject) == ["b"]
    with refused(NotFound, naming="a"):
        subject.engine.delete_database("a")


def forgets_the_grants_of_what_is_deleted(subject: Subject) -> None:
    """Else the next database of that name would be open to the old one's users."""
    make_databases(subject, "again_")
    make_user(subject, "bob", "again_")
    subject.engine.delete_database("again_")
    assert granted(subject, "bob") == ()
    make_databases(subject, "again_")
    assert granted(subject, "bob") == ()
