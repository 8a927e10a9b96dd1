"""What Redis' manifest takes and refuses, as tables; ``tests/conformance`` holds the same against a server."""

import pytest

from common.datastores import redis as rules
from common.errors import Invalid, Refused, Unsupported


@pytest.mark.parametrize("name", ["a", "A", "1", "a'b", 'a"b', "a%b", "a\\b", "a/b", "...", "#a", "x" * 128, "é", "😀",
                                  "a=b", "a@b", ">a", "+@all", "(~a)", "\u00a0"])
def test_names_that_are_taken(name: str) -> None:
    rules.check_user(name, "%")


@pytest.mark.parametrize(("name", "word"), [
    ("", "empty"), ("x" * 129, "129 characters"), ("a ", "blank"), ("a b", "blank"), ("a\n", "blank"),
    ("a\0b", "control character"), ("\x7f", "control character"), ("\ud800", "surrogate"), (".", "path"),
    ("a/../..", "path"), ("/a", "path"),
])
def test_names_that_are_refused_with_the_rule(name: str, word: str) -> None:
    with pytest.raises(Invalid, match=word) as caught:
        rules.check_user(name, "%")
    assert caught.value.message.endswith(".") and len(caught.value.message) < 320


@pytest.mark.parametrize("name", ["default", "Default", "root", "ROOT", "os_admin"])
def test_the_servers_users_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        rules.check_user(name, "%")


@pytest.mark.parametrize("host", ["", "localhost", "192.0.2.7", "192.0.2.%"])
def test_users_have_no_host(host: str) -> None:
    with pytest.raises(Invalid, match="no host"):
        rules.check_user("bob", host)


@pytest.mark.parametrize("password", ["x", " ", "\0", "é", "x" * 16384])
def test_passwords_that_are_taken(password: str) -> None:
    rules.check_password(password)


@pytest.mark.parametrize("password", ["", "half \ud83d of it", "half" * 4097])
def test_passwords_that_cannot_be_are_refused_without_showing_them(password: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.check_password(password)
    assert "half \ud83d" not in caught.value.sentence() and "halfhalf" not in caught.value.sentence()


def test_there_are_no_databases_and_no_character_sets() -> None:
    with pytest.raises(Unsupported):
        rules.check_database("shop")
    with pytest.raises(Unsupported):
        rules.check_charset("utf8", None)
    rules.check_charset(None, None)
