"""What PostgreSQL's manifest takes and refuses, as tables; ``tests/conformance`` holds the same against a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.datastores import postgresql as rules
from common.errors import Invalid, Refused

BAD_NAMES = (
    ("", Invalid, "empty"),
    ("x" * 64, Invalid, "64 bytes"),
    ("é" * 32, Invalid, "64 bytes"),
    ("a ", Invalid, "blank"),
    ("a\n", Invalid, "control character"),
    ("a\0b", Invalid, "control character"),
    ("\x7f", Invalid, "control character"),
    ("\ud800", Invalid, "surrogate"),
    (".", Invalid, "path"),
    ("a/../..", Invalid, "path"),
    ("/a", Invalid, "path"),
)


@pytest.mark.parametrize("name", [
    "a", "A", "1", "a'b", 'a"b', "a%b", "a\\b", "a/b", "...", " a", "select", "x" * 63, "é" * 31, "😀", "a=b", "a@b",
])
def test_names_that_are_taken(name: str) -> None:
    rules.check_database(name)
    rules.check_user(name, "%")


@pytest.mark.parametrize(("name", "kind", "word"), BAD_NAMES)
def test_names_that_are_refused_with_the_rule(name: str, kind: type[Exception], word: str) -> None:
    for check in (rules.check_database, lambda name: rules.check_user(name, "%")):
        with pytest.raises(kind) as caught:
            check(name)
        assert word in str(caught.value)
        assert str(caught.value).endswith(".")
        assert len(str(caught.value)) < 320


@pytest.mark.parametrize("name", ["postgres", "Template1", "TEMPLATE0"])
def test_the_servers_databases_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        rules.check_database(name)


@pytest.mark.parametrize("name", ["root", "ROOT", "postgres", "os_admin", "Public", "none", "pg_a", "PG_A",
                                  "trove_owner_1"])
def test_the_servers_users_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        rules.check_user(name, "%")


@pytest.mark.parametrize("host", ["", "localhost", "192.0.2.7", "192.0.2.%"])
def test_users_have_no_host(host: str) -> None:
    with pytest.raises(Invalid, match="no host"):
        rules.check_user("bob", host)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_password_is_taken(password: str) -> None:
    rules.check_password(password)


@pytest.mark.parametrize("password", ["", "half \ud83d of it", "half \0 of it"])
def test_passwords_that_cannot_be_are_refused_without_showing_them(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.check_password(password)
    assert "half \ud83d" not in caught.value.sentence() and "half \0" not in caught.value.sentence()


@pytest.mark.parametrize(("charset", "encoding"), [
    (None, "UTF8"), ("utf8", "UTF8"), ("UTF-8", "UTF8"), ("unicode", "UTF8"), ("utf8mb3", "UTF8"), ("latin1", "LATIN1"),
    ("euc_jp", "EUC_JP"), ("EUCJP", "EUC_JP"), ("win-1252", "WIN1252"), ("koi8-r", "KOI8R"), ("nonsense", "NONSENSE"),
])
def test_encodings_in_other_spellings(charset: str | None, encoding: str) -> None:
    assert rules.canonical_encoding(charset) == encoding


@pytest.mark.parametrize(("charset", "collation"), [
    (None, None), ("UTF8", "C.UTF-8"), ("UTF8", "C"), ("LATIN1", None), ("LATIN1", "POSIX"), (None, "de-x-icu"),
    ("utf8", "de-AT-x-icu"), ("utf8", "und-x-icu"), ("utf8", "en_US.utf8"), (None, "de_DE@euro"),
])
def test_character_sets_that_are_taken(charset: str | None, collation: str | None) -> None:
    rules.check_charset(charset, collation)


@pytest.mark.parametrize(("charset", "collation"), [
    ("", None), ("utf9", None), ("SJIS", None), ("UTF8;", None), (None, ""), (None, "nonsense"), (None, "c"),
    ("LATIN1", "C.UTF-8"), ("LATIN1", "de-x-icu"), (None, "de-x-icu'"), (None, "x-icu"), (None, "en_US.utf8'"),
])
def test_character_sets_that_are_refused(charset: str | None, collation: str | None) -> None:
    with pytest.raises(Invalid):
        rules.check_charset(charset, collation)
