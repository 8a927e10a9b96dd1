"""What the manifests of the MySQL family share: rules for the names of databases and accounts, with the servers'
differences as data.

The rules are what the servers really do (each was tried on servers, the conformance kit tries them again), with four
of our own: control characters are refused, since no client can show them; ``..`` and its like, since a client that is
told to delete such a database deletes the instance; accounts at ``localhost`` and reserved names in any spelling are
refused, since they are the server's own.
"""

import re
from dataclasses import dataclass

from common.errors import Invalid, Refused

RESERVED_DATABASES = frozenset({"mysql", "information_schema", "performance_schema", "sys"})

LONGEST_DATABASE = 64
LONGEST_HOST = 60
LONGEST_GRANT = 64
"""Characters in the column ``mysql.db.Db``, which holds the names in grants with ``_``, ``%`` and ``\\`` escaped."""
LONGEST_DIRECTORY = 255
"""Bytes in the name of a file: a database is a directory."""

_THREE_BYTES = (
    (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x12F), (0x131, 0x1BE), (0x250, 0x2AF), (0x38E, 0x3A1), (0x3A3, 0x3CE),
    (0x3FB, 0x481), (0x48A, 0x4CE), (0x531, 0x555), (0x561, 0x585), (0x1E00, 0x1E9B), (0x1EA0, 0x1EF9),
)  # fmt: skip
_IPV4_PATTERN = re.compile(r"[0-9%_]+(\.[0-9%_]+){0,3}")
_IPV6_PATTERN = re.compile(r"(?=.*:)[0-9a-f:.%_]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """``title`` is what people call the server; ``files`` matches the names of those in its data directory;
    ``longest_password`` is in bytes, None where there is no end; ``drops_first_blank`` is told of users' names."""

    title: str
    reserved_users: frozenset[str]
    longest_user: int
    files: str
    longest_password: int | None = None
    drops_first_blank: bool = False

    def check_database(self, name: str) -> None:
        """Raises Invalid or Refused with the rule that the name breaks."""
        self._check_text("database name", name, LONGEST_DATABASE)
        self.check_not_reserved_database(name)
        if re.fullmatch(self.files, name):
            raise Refused(f"The database name {_shown(name)} is that of one of the server's files.",
                          "Choose another name.")
        if name.startswith("#mysql50#"):
            raise Invalid(f"The database name {_shown(name)} begins with #mysql50#, which {self.title} keeps for"
                          " upgrades.")
        if directory_length(name) > LONGEST_DIRECTORY:
            raise Invalid(
                f"The database name {_shown(name)} is too long for a directory of {LONGEST_DIRECTORY} bytes, in which"
                " all but a-z, A-Z, 0-9 and _ take three or five.", "Choose a shorter name.")
        if len(grant_pattern(name)) > LONGEST_GRANT:
            raise Invalid(
                f"The database name {_shown(name)} is too long for a grant of {LONGEST_GRANT} characters, in which each"
                " of _, % and \\ takes two.", "Choose a shorter name, or one with fewer of them.")

    def check_user(self, name: str, host: str) -> None:
        """Raises Invalid or Refused with the rule that the account breaks."""
        self._check_text("user name", name, self.longest_user)
        if self.drops_first_blank and name.startswith(" "):
            raise Invalid(f"The user name {_shown(name)} begins with a blank, which {self.title} drops.",
                          "Leave it out.")
        self.check_not_reserved(name, host)
        _check_host(host)

    def check_password(self, password: str) -> None:
        """Any text but the empty one. Raises Invalid, without the password in it."""
        if not password:
            raise Invalid("The password is empty, which would open the account to everyone.", "Give a password.")
        if any("\ud800" <= character <= "\udfff" for character in password):
            raise Invalid("The password holds half a character (a lone surrogate), which UTF-8 cannot carry.")
        if self.longest_password and len(password.encode()) > self.longest_password:
            raise Invalid(f"The password is longer than the {self.longest_password} bytes that {self.title} takes.",
                          "Choose a shorter one.")

    def check_not_reserved_database(self, name: str) -> None:
        """The part of ``check_database`` that goes for databases that are there as well. Raises Refused."""
        if name.casefold() in RESERVED_DATABASES:
            raise Refused(f"The database name {_shown(name)} is reserved for the server.", "Choose another name.")

    def check_not_reserved(self, name: str, host: str) -> None:
        """The part of ``check_user`` that goes for accounts that are there as well, whoever made them. Raises
        Refused."""
        if name.casefold() in self.reserved_users:
            raise Refused(f"The user name {_shown(name)} is reserved for the server.", "Choose another name.")
        if host.lower() == "localhost":
            raise Refused("Accounts at localhost are the server's own.", "Name an address, a network or %.")

    def _check_text(self, what: str, text: str, longest: int) -> None:
        if not text:
            raise Invalid(f"The {what} is empty.")
        if len(text) > longest:
            raise Invalid(f"The {what} {_shown(text)} has {len(text)} characters; {self.title} takes at most"
                          f" {longest}.")
        if any(character < " " or character == "\x7f" for character in text):
            raise Invalid(f"The {what} {_shown(text)} holds a control character.", "Leave it out.")
        if any(character > "\uffff" or "\ud800" <= character <= "\udfff" for character in text):
            raise Invalid(f"The {what} {_shown(text)} holds a character beyond U+FFFF (such as an emoji), which"
                          f" {self.title} cannot keep in names.", "Leave it out.")
        if not {"", ".", ".."}.isdisjoint(text.split("/")):
            raise Invalid(f"The {what} {_shown(text)} is or has nothing, . or .. between slashes, by which clients"
                          " would reach something else in a path.", "Choose another name.")
        if text.endswith(" "):
            raise Invalid(f"The {what} {_shown(text)} ends with a blank, which {self.title} drops.", "Leave it out.")


def grant_pattern(database: str) -> str:
    """The name as GRANT wants it, where ``_`` and ``%`` would otherwise stand for any characters."""
    return database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


def directory_length(database: str) -> int:
    """Bytes of the directory's name, never too few (the servers' ``filename`` character set: 1, 3 or 5 a character)."""
    return sum(map(_encoded_length, database))


def _encoded_length(character: str) -> int:
    if character.isascii() and (character.isalnum() or character == "_"):
        return 1
    return 3 if any(first <= ord(character) <= last for first, last in _THREE_BYTES) else 5


def _check_host(host: str) -> None:
    lower = host.lower()
    if len(host) > LONGEST_HOST or not (_is_pattern(lower) or _is_address(lower) or _is_network(lower)):
        raise Invalid(
            f"The host {_shown(host)} is no IP address in its usual form, no network and no pattern of addresses; the"
            " server looks up no names.",
            "Write for instance %, 192.0.2.7, 192.0.2.%, 192.0.2.0/255.255.255.0 or 2001:db8::%.")


def _is_address(host: str) -> bool:
    """In the spelling in which the server sees clients: it compares texts."""
    from ipaddress import ip_address  # an agent whose accounts are at patterns never loads it: 0.25 MB

    try:
        return str(ip_address(host)) == host
    except ValueError:
        return False


def _is_network(host: str) -> bool:
    """Network and mask, both in dots; a network with bits outside its mask would match no client."""
    from ipaddress import IPv4Address

    network, _, mask = host.partition("/")
    try:
        return int(IPv4Address(network)) & ~int(IPv4Address(mask)) == 0
    except ValueError:
        return False


def _is_pattern(host: str) -> bool:
    """``%`` stands for any characters, ``_`` for one."""
    if "%" not in host and "_" not in host:
        return False
    if _IPV4_PATTERN.fullmatch(host):
        return all(int(part) <= 255 for part in host.split(".") if part.isdigit())
    return _IPV6_PATTERN.fullmatch(host) is not None


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 80 else repr(name[:77] + "...")
