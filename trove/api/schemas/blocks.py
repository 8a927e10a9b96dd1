"""What bodies are built from."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from common.contract import types as t
from common.errors import Invalid
from common.secret import Secret

_READABLE = r"^[^\x00-\x1f\x7f]*[0-9A-Za-z][^\x00-\x1f\x7f]*$"
_UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_HOST = r"^[^\x00-\x20\x7f'\"`\\;,@]+$"
_CIDR = r"^(\d{1,3}\.){3}\d{1,3}(/\d{1,2})?$"
_IPV4 = r"^(\d{1,3}\.){3}\d{1,3}$"
HOST_NAME = r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$"
ADDRESS = r"^[0-9A-Za-z]([0-9A-Za-z.:-]{0,253}[0-9A-Za-z])?$"
IP = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39})$"
LOGIN = r"^[a-z_][a-z0-9_-]{0,31}$"
_RELEASE = r"^[0-9a-f]{64}$"
PARAMETER = r"^[A-Za-z][A-Za-z0-9_.-]*$"
NUMBER = r"^-?[0-9]{1,30}(\.[0-9]{1,9})?$"
DIRECTORY = r"^/[^\x00-\x1f\x7f]*$"
_SIZE = r"^0*[1-9][0-9]{0,39}$"

MEANINGS = {
    _READABLE: "a text with at least one letter or digit of ASCII and without control characters",
    _UUID: "an id such as 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d",
    _HOST: "a host without blanks, quotes, backslashes and the characters ` ; , @",
    _CIDR: "an IPv4 address or network such as 192.0.2.0/24",
    _IPV4: "an IPv4 address",
    HOST_NAME: "a name of small letters of ASCII, digits, dots and hyphens",
    ADDRESS: "an address or a name of DNS",
    IP: "an IP address",
    LOGIN: "a login name of Linux",
    _RELEASE: "the hash of a release: 64 hexadecimal digits",
    PARAMETER: "a name of ASCII letters, digits and the characters _ . -",
    NUMBER: "a number",
    DIRECTORY: "an absolute path",
    _SIZE: "a whole number of 1 or more",
}
"""What each pattern asks for, in words for a person."""

_NOUNS = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list",
          "object": "an object"}
_TYPES = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")

Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=_READABLE)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
"""Of a database or a user: the datastore's manifest has the rules."""
Uuid = Annotated[str, Meta(pattern=_UUID)]
Reference = Annotated[str, Meta(min_length=1, max_length=2048, pattern=_READABLE)]
"""An id, or a URL whose last part is one."""
Host = Annotated[str, Meta(min_length=1, max_length=255, pattern=_HOST)]
Cidr = Annotated[str, Meta(pattern=_CIDR)]
Ipv4 = Annotated[str, Meta(pattern=_IPV4)]
Release = Annotated[str, Meta(pattern=_RELEASE)]
Size = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=_SIZE, max_length=40)]
"""A number of GB; clients send it as a text, too."""


SECRET = {"type": "string", "minLength": 1, "maxLength": 255, "format": "password", "examples": ["kV2uFQ0b7HcX1w"]}
"""The schema of a password."""

IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$",
                                     examples=["7b1d0c1e-52a5-4a0c-8a3e-4c8b7f0d9a61"])]


class DatabaseName(Struct, frozen=True):
    name: Name


class NewDatabase(Struct, frozen=True):
    name: Name
    character_set: Text | None = None
    collate: Text | None = None

    def wanted(self) -> t.Database:
        return t.Database(name=self.name, character_set=self.character_set, collate=self.collate)


class NewUser(Struct, frozen=True):
    name: Name
    password: Secret
    host: Host | None = None
    databases: tuple[DatabaseName, ...] = ()

    def wanted(self) -> t.NewUser:
        """Raises Invalid."""
        names = tuple(database.name for database in self.databases)
        unique(f"databases of user {self.name}", names)
        return t.NewUser(name=self.name, password=self.password, host=self.host or "%", databases=names)


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    is_public: bool | msgspec.UnsetType = msgspec.UNSET
    allowed_cidrs: tuple[Cidr, ...] | msgspec.UnsetType = msgspec.UNSET


def unique(what: str, names: tuple[str, ...]) -> None:
    """Raises Invalid when one of ``names`` is there twice."""
    for name in names:
        if names.count(name) > 1:
            raise Invalid(f"Validation error: {name} is listed twice among the {what}.")


def in_words(message: str) -> str:
    """A complaint of msgspec's, with what is expected in place of a regular expression and of Python's types."""
    for pattern, meaning in MEANINGS.items():
        message = message.replace(f"`str` matching regex {pattern!r}", meaning)
    said, at, where = message.partition(" - at ")
    return (_TYPES.sub(_nouns, said) if said.startswith("Expected ") else said) + at + where


def _nouns(types: re.Match[str]) -> str:
    return " or ".join(_NOUNS.get(each, each) for each in types[1].split(" | "))


def last_part(reference: str) -> str:
    """The id at the end of a reference."""
    return reference.rstrip("/").rpartition("/")[2]
