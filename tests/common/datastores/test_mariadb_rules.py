"""What MariaDB's manifest takes and refuses, as tables; ``tests/conformance`` holds the same rules against a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.datastores import ENGINES, manifest
from common.datastores.mariadb import MANIFEST
from common.datastores.mariadb_collations import COLLATIONS
from common.datastores.mysqlfamily import grant_pattern
from common.errors import Invalid, NotFound, Refused

GOOD_DATABASES = (
    "a", "A", "1", "a'b", 'a"b', "a`b", "a%b", "a_b", "a\\b", "a/b", "...", "a.b", " a", "a b", "select",
    "lost+found", "x" * 64, "中" * 51, "é" * 64, "_" * 32, "ibdata", "#sql-1", "mysql_", "'; DROP DATABASE mysql; --",
)  # fmt: skip

BAD_DATABASES = (
    ("", Invalid, "empty"),
    ("x" * 65, Invalid, "at most 64"),
    ("a ", Invalid, "blank"),
    ("a\n", Invalid, "control character"),
    ("a\0b", Invalid, "control character"),
    ("\x7f", Invalid, "control character"),
    ("😀", Invalid, "U+FFFF"),
    ("\ud800", Invalid, "U+FFFF"),
    (".", Invalid, "path"),
    ("..", Invalid, "path"),
    ("a/../..", Invalid, "path"),
    ("a/", Invalid, "path"),
    ("/a", Invalid, "path"),
    ("中" * 52, Invalid, "directory"),
    ("-" * 52, Invalid, "directory"),
    ("_" * 33, Invalid, "grant"),
    ("#mysql50#a", Invalid, "#mysql50#"),
    ("mysql", Refused, "reserved"),
    ("Information_Schema", Refused, "reserved"),
    ("SYS", Refused, "reserved"),
    ("ibdata1", Refused, "server's files"),
    ("ib_logfile0", Refused, "server's files"),
)

GOOD_HOSTS = (
    "%", "192.0.2.7", "192.0.2.%", "192.%", "1_.0.0.1", "192.0.2.0/255.255.255.0", "192.0.2.7/255.255.255.255", "::1",
    "2001:db8::%", "2001:DB8::7", "fe80::_",
)  # fmt: skip
BAD_HOSTS = (
    "", " ", "example.org", "192.0.2", "192.0.2.256", "192.0.2.300%x", "192.0.2.256.%", "10.0.0.0/8",
    "10.0.0.1/255.0.0.0", "010.0.0.1", "2001:0db8::1", "::1::%x", "a'b", "%'", "1.2.3.4.%", "::/ffff::", "%" * 61,
    "a%b",
)  # fmt: skip


@pytest.mark.parametrize("name", GOOD_DATABASES)
def test_databases_that_are_taken(name: str) -> None:
    MANIFEST.check_database(name)


@pytest.mark.parametrize(("name", "kind", "word"), BAD_DATABASES)
def test_databases_that_are_refused_with_the_rule(name: str, kind: type[Exception], word: str) -> None:
    with pytest.raises(kind) as caught:
        MANIFEST.check_database(name)
    assert word in str(caught.value)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 320


@pytest.mark.parametrize("name", [
    "bob", "a'b", 'a"', "`", "\\", "a@b", "%", " a", "x" * 128, "none", "select", "é" * 128,
])
def test_users_that_are_taken(name: str) -> None:
    MANIFEST.check_user(name, "%")


@pytest.mark.parametrize(("name", "kind"), [
    ("", Invalid), ("x" * 129, Invalid), ("a ", Invalid), ("a\t", Invalid), ("😀", Invalid), ("\udfff", Invalid),
    ("root", Refused), ("ROOT", Refused), ("os_admin", Refused), ("mariadb.sys", Refused), ("Public", Refused),
    ("mysql", Refused),
])
def test_users_that_are_refused(name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        MANIFEST.check_user(name, "%")


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_hosts_that_are_taken(host: str) -> None:
    MANIFEST.check_user("bob", host)


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_hosts_that_are_refused_with_examples(host: str) -> None:
    with pytest.raises(Invalid) as caught:
        MANIFEST.check_user("bob", host)
    assert "192.0.2.%" in caught.value.hint


@pytest.mark.parametrize("host", ["localhost", "LocalHost"])
def test_localhost_is_the_servers(host: str) -> None:
    with pytest.raises(Refused):
        MANIFEST.check_user("bob", host)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_password_is_taken(password: str) -> None:
    MANIFEST.check_password(password)


@pytest.mark.parametrize("password", ["", "half \ud83d of it"])
def test_passwords_that_cannot_be_are_refused_without_showing_them(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        MANIFEST.check_password(password)
    assert "half \ud83d" not in caught.value.sentence()


@pytest.mark.parametrize(("charset", "collation"), [
    (None, None), ("utf8mb4", None), ("UTF8MB4", "UTF8MB4_BIN"), ("utf8", "utf8_general_ci"), ("utf8", "utf8mb3_bin"),
    ("utf8mb3", "utf8_bin"), (None, "latin1_german1_ci"), ("binary", "binary"), ("utf8mb4", "uca1400_ai_ci"),
    ("utf8mb4", "utf8mb4_uca1400_swedish_nopad_as_cs"), (None, "uca1400_as_ci"), ("latin1", "latin1_swedish_ci"),
])
def test_character_sets_that_are_taken(charset: str | None, collation: str | None) -> None:
    MANIFEST.check_charset(charset, collation)


@pytest.mark.parametrize(("charset", "collation"), [
    ("", None), ("utf9", None), ("utf8mb4;", None), ("filename", None), ("utf8mb4", "latin1_bin"), ("utf8mb4", ""),
    (None, ""), (None, "nonsense_ci"), ("latin1", "uca1400_ai_ci"), ("utf8mb4", "utf8mb4_"), (None, "bin"),
    ("utf8mb4", "uca1400__ai_ci"), ("utf8mb4", "utf8mb4_general_ci'"), ("utf8mb4", "bin"),
])
def test_character_sets_that_are_refused(charset: str | None, collation: str | None) -> None:
    with pytest.raises(Invalid):
        MANIFEST.check_charset(charset, collation)


def test_each_character_set_has_a_collation_that_fits() -> None:
    for charset in COLLATIONS.keys() - {"binary"}:
        MANIFEST.check_charset(charset, f"{charset}_bin")


@pytest.mark.parametrize(("name", "pattern"), [("ab", "ab"), ("a_b", "a\\_b"), ("a%", "a\\%"), ("a\\_", "a\\\\\\_")])
def test_grants_name_one_database(name: str, pattern: str) -> None:
    assert grant_pattern(name) == pattern


@pytest.mark.parametrize("engine", ENGINES)
def test_each_manifest_refuses_its_own_reserved_names(engine: str) -> None:
    found = manifest(engine)
    assert found.name == engine
    assert found.versions
    for name in found.reserved_databases:
        with pytest.raises(Refused):
            found.check_database(name)
    for name in found.reserved_users:
        with pytest.raises(Refused):
            found.check_user(name, "%")


def test_an_unknown_engine_is_not_found() -> None:
    with pytest.raises(NotFound, match="oracle"):
        manifest("oracle")
