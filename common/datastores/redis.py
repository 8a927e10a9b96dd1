"""The manifest of Redis, and of Valkey, which is the same to whoever manages it: what both sides know without a server.

The name rules are what the servers really do (each was tried, the conformance kit tries them again), with three of our
own: control characters are refused, since no client can show them; ``..`` and its like, since a client that is told to
delete such a user deletes something else; and reserved names in any spelling.

An account is an ACL user. It has no host, and no databases: the numbered ones of these servers have neither names nor
owners.
"""

from common.errors import Invalid, Refused, Unsupported

from .manifest import Manifest

RESERVED_USERS = frozenset({"default", "root", "os_admin"})

LONGEST_USER = 128
"""Characters; the servers have no limit of their own."""
LONGEST_PASSWORD = 16384
"""Bytes that a server takes as one word from a client that is not logged in (PROTO_MAX_BULK of Redis' networking.c)."""

_BLANKS = " \t\n\v\f\r"


def check_database(name: str) -> None:
    """Raises Unsupported."""
    raise Unsupported("Redis has no databases with names.", "Leave them out; clients choose among the numbered ones.")


def check_charset(character_set: str | None, collate: str | None) -> None:
    """Values are bytes. Raises Unsupported for any."""
    if character_set is not None or collate is not None:
        raise Unsupported("Redis has no character sets.", "Leave them out.")


def check_user(name: str, host: str) -> None:
    """Raises Invalid or Refused with the rule that the account breaks."""
    if not name:
        raise Invalid("The user name is empty.")
    if len(name) > LONGEST_USER:
        raise Invalid(f"The user name {_shown(name)} has {len(name)} characters; at most {LONGEST_USER} are allowed.",
                      "Choose a shorter name.")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise Invalid(f"The user name {_shown(name)} holds half a character (a lone surrogate).", "Leave it out.")
    if any(character in _BLANKS for character in name):
        raise Invalid(f"The user name {_shown(name)} holds a blank or a line's end, which Redis' rules cannot have.",
                      "Leave it out.")
    if any(character < " " or character == "\x7f" for character in name):
        raise Invalid(f"The user name {_shown(name)} holds a control character.", "Leave it out.")
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise Invalid(f"The user name {_shown(name)} is or has nothing, . or .. between slashes, by which clients would"
                      " reach something else in a path.", "Choose another name.")
    check_not_reserved(name)
    if host != "%":
        raise Invalid(f"The host {_shown(host)} cannot be had: the users of Redis have no host.", "Leave it out.")


def check_not_reserved(name: str) -> None:
    """The part of ``check_user`` that goes for accounts that are there as well, whoever made them. Raises Refused."""
    if is_reserved(name):
        raise Refused(f"The user name {_shown(name)} is reserved for the server.", "Choose another name.")


def is_reserved(name: str) -> bool:
    return name.casefold() in RESERVED_USERS


def check_password(password: str) -> None:
    """Raises Invalid, without the password in it."""
    if not password:
        raise Invalid("The password is empty, which would open the account to everyone.", "Give a password.")
    if any("\ud800" <= character <= "\udfff" for character in password):
        raise Invalid("The password holds half a character (a lone surrogate), which UTF-8 cannot carry.")
    if len(password.encode()) > LONGEST_PASSWORD:
        raise Invalid(f"The password is longer than the {LONGEST_PASSWORD} bytes that Redis takes in a login.",
                      "Choose a shorter one.")


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 80 else repr(name[:77] + "...")


MANIFEST = Manifest(
    name="redis",
    versions=("7.0", "7.2", "7.4", "8.0", "8.1", "8.2", "8.4", "9.0", "9.1"),
    default_port=6379,
    programs={"redis-server|valkey-server": "redis-server"},
    capabilities=frozenset({"configuration", "logs", "root", "users"}),
    users_have_hosts=False,
    reserved_users=RESERVED_USERS,
    reserved_databases=frozenset(),
    check_database=check_database,
    check_user=check_user,
    check_password=check_password,
    check_charset=check_charset,
)
