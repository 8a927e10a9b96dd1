"""Short forms of orders, and what must come of those that are wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.contract import types as t
from common.errors import TroveError
from common.secret import Secret

from .subject import Subject

PASSWORD = "s3cret of a tenant"
EVERYTHING = t.PageRequest(limit=1000)


def prepare(**changes: object) -> t.Prepare:
    return t.Prepare(memory_mb=256, **changes)  # type: ignore[arg-type]


def make_databases(subject: Subject, *names: str) -> None:
    subject.engine.ensure_databases(tuple(t.Database(name=name) for name in names))


def make_user(subject: Subject, name: str, *databases: str, password: str = PASSWORD, host: str = "%") -> None:
    user = t.NewUser(name=name, host=host, password=Secret(password), databases=databases)
    subject.engine.ensure_users((user,))


def make_place(subject: Subject, name: str) -> tuple[str, ...]:
    """What users are given to work in: a database, where the engine has some."""
    if "databases" not in subject.manifest.capabilities:
        return ()
    make_databases(subject, name)
    return (name,)


def leave(subject: Subject, name: str) -> None:
    """Makes something that is to last: a database, or where the engine has none, a user."""
    if not make_place(subject, name):
        make_user(subject, name)


def left(subject: Subject) -> list[str]:
    """What there is of what ``leave`` makes."""
    if "databases" in subject.manifest.capabilities:
        return databases(subject)
    return [name for name, _ in accounts(subject)]


def databases(subject: Subject) -> list[str]:
    return [database.name for database in subject.engine.list_databases(EVERYTHING).items]


def accounts(subject: Subject) -> list[tuple[str, str]]:
    return [(user.name, user.host) for user in subject.engine.list_users(EVERYTHING).items]


def pages(subject: Subject, limit: int) -> list[list[tuple[str, str]]]:
    """All accounts, page by page."""
    found, marker = [], None
    while True:
        page = subject.engine.list_users(t.PageRequest(limit=limit, marker=marker))
        found.append([(user.name, user.host) for user in page.items])
        if (marker := page.next_marker) is None:
            return found


def granted(subject: Subject, name: str, host: str = "%") -> tuple[str, ...]:
    found: tuple[str, ...] = subject.engine.get_user(t.UserRef(name=name, host=host)).databases
    return found


@contextmanager
def refused(*kinds: type[TroveError], naming: str = "") -> Iterator[None]:
    """The block must raise one of these errors, as a whole sentence that names the thing."""
    try:
        yield
    except kinds as error:
        assert error.message.endswith("."), error.message
        assert naming in error.message, error.message
    else:
        raise AssertionError(f"was not refused with {', '.join(kind.code for kind in kinds)}")


def empty(subject: Subject) -> None:
    """Takes away what a behaviour left in a running server."""
    for name, host in accounts(subject):
        subject.engine.delete_user(t.UserRef(name=name, host=host))
    if "databases" in subject.manifest.capabilities:
        for name in databases(subject):
            subject.engine.delete_database(name)
    subject.engine.disable_root()
