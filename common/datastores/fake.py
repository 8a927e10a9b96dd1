"""The manifest of the engine in memory. Its rules are few, but of each kind that a real engine has."""

from common.errors import Invalid, Refused

from .manifest import Manifest

RESERVED_USERS = frozenset({"root", "system"})
RESERVED_DATABASES = frozenset({"system"})
LONGEST_NAME = 64


def check_database(name: str) -> None:
    _check_name("database", name, RESERVED_DATABASES)


def check_user(name: str, host: str) -> None:
    _check_name("user", name, RESERVED_USERS)
    if not host or any(character.isspace() for character in host):
        raise Invalid(f"The host {host!r} is empty or holds a blank.")


def check_password(password: str) -> None:
    if not password:
        raise Invalid("The password is empty.", "Give a password.")


def check_charset(character_set: str | None, collate: str | None) -> None:
    if character_set == "" or collate == "":
        raise Invalid("The character set or collation is empty.", "Leave it out.")


def _check_name(what: str, name: str, reserved: frozenset[str]) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(f"The {what} name has {len(name)} characters; it must have 1 to {LONGEST_NAME}.")
    if not name.isprintable() or name.endswith(" "):
        raise Invalid(f"The {what} name {name!r} holds an unprintable character or ends with a blank.")
    if name.casefold() in reserved:
        raise Refused(f"The {what} name {name!r} is reserved.", "Choose another name.")


MANIFEST = Manifest(
    name="fake",
    versions=("1.0",),
    default_port=3306,
    programs={},
    capabilities=frozenset({"access", "configuration", "databases", "logs", "root", "users"}),
    users_have_hosts=True,
    reserved_users=RESERVED_USERS,
    reserved_databases=RESERVED_DATABASES,
    check_database=check_database,
    check_user=check_user,
    check_password=check_password,
    check_charset=check_charset,
)
