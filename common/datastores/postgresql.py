"""PostgreSQL's manifest: what both sides know of it without asking a server.

The name rules are what PostgreSQL 13 to 18 really does (each was tried on a server, the conformance kit tries them
again), with four of our own: control characters are refused, since no client can show them, and a trailing blank,
since many drop it; ``..`` and its like, since a client that is told to delete such a database deletes the instance;
names that begin with ``trove_``, since the agent's own roles do.

An account has no host there: who may come from where is not the account's.
"""

import re

from common.errors import Invalid, Refused

from .manifest import Manifest

OWNERS = "trove_owner_"
"""Begins the names of the roles that own databases, one a database; its members are those who have access."""

RESERVED_USERS = frozenset({"postgres", "root", "os_admin", "public", "none"})
RESERVED_DATABASES = frozenset({"postgres", "template0", "template1"})
_RESERVED_BEGINNINGS = ("pg_", "trove_")

LONGEST_NAME = 63
"""Bytes in UTF-8 (NAMEDATALEN less one); the server cuts off what is beyond, without an error."""

ENCODINGS = frozenset({
    "EUC_CN", "EUC_JP", "EUC_JIS_2004", "EUC_KR", "EUC_TW", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8",
    "KOI8R", "KOI8U", "LATIN1", "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9",
    "LATIN10", "SQL_ASCII", "UTF8", "WIN866", "WIN874", "WIN1250", "WIN1251", "WIN1252", "WIN1253", "WIN1254",
    "WIN1255", "WIN1256", "WIN1257", "WIN1258",
})  # fmt: skip
"""Those that a database can have; what only clients can have (BIG5, SJIS …) is not among them."""
_OTHER_SPELLINGS = {"UNICODE": "UTF8", "UTF8MB3": "UTF8", "UTF8MB4": "UTF8", "KOI8": "KOI8R", "ALT": "WIN866"}
"""Without the hyphens and underscores, which the server ignores; upstream's default is MySQL's name of UTF-8."""

PLAIN_LOCALES = frozenset({"C", "POSIX"})
DEFAULT_LOCALE = "C.UTF-8"
_ICU = re.compile(r"([a-z]{2,3}(-[A-Za-z0-9]{2,8})*|und)-x-icu")
_LIBC = re.compile(r"[a-z]{2,3}_[A-Z]{2}(\.(utf8|UTF-8))?(@[a-z]+)?")


def check_database(name: str) -> None:
    """Raises Invalid or Refused with the rule that the name breaks."""
    _check_text("database name", name)
    check_not_reserved_database(name)


def check_user(name: str, host: str) -> None:
    """Raises Invalid or Refused with the rule that the account breaks."""
    _check_text("user name", name)
    check_not_reserved(name)
    if host != "%":
        raise Invalid(f"The host {_shown(host)} cannot be had: PostgreSQL's users have no host.", "Leave it out.")


def check_password(password: str) -> None:
    """Any text but the empty one. Raises Invalid, without the password in it."""
    if not password:
        raise Invalid("The password is empty, with which PostgreSQL lets nobody in.", "Give a password.")
    if "\0" in password or _has_surrogate(password):
        raise Invalid("The password holds a NUL or half a character (a lone surrogate), which no client can send.")


def check_charset(character_set: str | None, collate: str | None) -> None:
    """Either may be None: UTF8, and C.UTF-8 or, where that does not fit, C. Raises Invalid for an unknown one, or for
    two that do not fit. Of the languages' collations the server itself says which it has."""
    encoding = canonical_encoding(character_set)
    if encoding not in ENCODINGS:
        raise Invalid(f"PostgreSQL has no encoding {_shown(character_set or '')} for databases.",
                      "Choose UTF8, or leave it out.")
    if collate is None or collate in PLAIN_LOCALES:
        return
    if collate != DEFAULT_LOCALE and icu_locale(collate) is None and not _LIBC.fullmatch(collate):
        raise Invalid(f"PostgreSQL has no collation {_shown(collate)} for databases.",
                      "Choose C.UTF-8, C, or one of ICU's such as de-x-icu, or leave it out.")
    if encoding != "UTF8":
        raise Invalid(f"The collation {_shown(collate)} goes with UTF8 and not with {encoding}.",
                      "Choose C, or leave the collation out.")


def canonical_encoding(character_set: str | None) -> str:
    """As the server calls it; what is unknown comes back in upper case."""
    if character_set is None:
        return "UTF8"
    bare = re.sub(r"[-_ ]", "", character_set).upper()
    known = {re.sub("_", "", name): name for name in ENCODINGS}
    known |= _OTHER_SPELLINGS
    return known.get(bare, character_set.upper())


def icu_locale(collate: str) -> str | None:
    """``de-AT`` of ``de-AT-x-icu``; None for a collation that is none of ICU's."""
    return collate.removesuffix("-x-icu") if _ICU.fullmatch(collate) else None


def check_not_reserved_database(name: str) -> None:
    """The part of ``check_database`` that goes for databases that are there as well. Raises Refused."""
    if name.casefold() in RESERVED_DATABASES:
        raise Refused(f"The database name {_shown(name)} is reserved for the server.", "Choose another name.")


def check_not_reserved(name: str) -> None:
    """The part of ``check_user`` that goes for accounts that are there as well, whoever made them. Raises Refused."""
    if name.casefold() in RESERVED_USERS or name.casefold().startswith(_RESERVED_BEGINNINGS):
        raise Refused(f"The user name {_shown(name)} is reserved for the server.", "Choose another name.")


def _check_text(what: str, text: str) -> None:
    if not text:
        raise Invalid(f"The {what} is empty.")
    if _has_surrogate(text):
        raise Invalid(f"The {what} {_shown(text)} holds half a character (a lone surrogate).", "Leave it out.")
    if (length := len(text.encode())) > LONGEST_NAME:
        raise Invalid(f"The {what} {_shown(text)} takes {length} bytes; PostgreSQL keeps at most {LONGEST_NAME}.",
                      "Choose a shorter name.")
    if any(character < " " or character == "\x7f" for character in text):
        raise Invalid(f"The {what} {_shown(text)} holds a control character.", "Leave it out.")
    if not {"", ".", ".."}.isdisjoint(text.split("/")):
        raise Invalid(f"The {what} {_shown(text)} is or has nothing, . or .. between slashes, by which clients would"
                      " reach something else in a path.", "Choose another name.")
    if text.endswith(" "):
        raise Invalid(f"The {what} {_shown(text)} ends with a blank, which many clients drop.", "Leave it out.")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 80 else repr(name[:77] + "...")


MANIFEST = Manifest(
    name="postgresql",
    versions=("13", "14", "15", "16", "17", "18"),
    default_port=5432,
    programs={"postgres": "postgresql", "initdb": "postgresql"},
    capabilities=frozenset({"access", "configuration", "databases", "logs", "root", "users"}),
    users_have_hosts=False,
    reserved_users=RESERVED_USERS,
    reserved_databases=RESERVED_DATABASES,
    check_database=check_database,
    check_user=check_user,
    check_password=check_password,
    check_charset=check_charset,
)
