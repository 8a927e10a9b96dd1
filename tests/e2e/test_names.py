"""Names as people and attackers choose them: refused with the rule that they break, or good for everything."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.installation import Installation, sql

pytestmark = pytest.mark.server

PASSWORD = "p'w\"`\\%ü 7"
GOOD = ("a'b", 'a"b', "a`b", "a\\b", "a\\'b", "a/b", "...", "a.b", "a.json", " a", "%", "a%b", "a_b", "%41", "a b",
        "é", "e\u0301", "中文", "שלום", "select", "x" * 64, "a;b", "a--b", "a#b", "a?b=c&d", "databases", "null", "-a",
        "'; DROP DATABASE mysql; --", "a\u202eb")
"""Taken for databases and for users."""

BAD = (("", "Validation error"), ("a ", "blank"), ("a\nb", "control character"), ("a\0b", "control character"),
       ("a\x7f", "control character"), ("😀", "U+FFFF"), ("mysql", "reserved"), (".", "in a path"),
       ("..", "in a path"), ("a/../..", "in a path"), ("a/", "in a path"))
"""Refused for both, with this in the sentence."""

BAD_DATABASES = (*BAD, ("x" * 65, "at most 64"), ("information_schema", "reserved"), ("SYS", "reserved"),
                 ("performance_schema", "reserved"), ("ibdata1", "server's files"), ("#mysql50#a", "#mysql50#"))
BAD_USERS = (*BAD, ("root", "reserved"), ("ROOT", "reserved"), ("os_admin", "reserved"), ("x" * 129, "at most 128"))
GOOD_USERS = (*GOOD, "x" * 65, "x" * 128, "information_schema", "a@b")
GOOD_HOSTS = ("%", "127.%", "127.0.0.0/255.0.0.0")
BAD_HOSTS = (("localhost", "server's own"), ("a'b", "Validation error"), ("example.org", "no IP address"),
             ("10.0.0.0/8", "no IP address"))
INSTANCES = (("a'b", ""), ('"`\\', "letter or digit"), ("😀 a", ""), ("a/b", ""), ("a\nb", "control"),
             ("x" * 256, "255"), ("x" * 255, ""), ("שלום", "letter or digit"), ("", "Validation error"),
             ("%", "letter or digit"))


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "'": "\\'", "\n": "\\n"})


class Server:
    """One running instance, asked over REST and by a SQL client."""

    def __init__(self, installed: Installation, instance: str) -> None:
        self._installed = installed
        self.id = instance
        self.shown = installed.healthy(instance)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        return self._installed.request(method, f"/instances/{self.id}{path}", body)

    def done(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert status in (200, 202), (method, path, answer)
        return answer

    def refused(self, method: str, path: str, body: object, rule: str) -> None:
        status, answer = self.ask(method, path, body)
        assert status == 400 and rule in answer["badRequest"]["message"], (rule, answer)

    def listed(self, noun: str) -> list[str]:
        return [row["name"] for row in self.done("GET", f"/{noun}?limit=1000")[noun]]


@pytest.fixture(scope="module")
def server(installed: Installation) -> Iterator[Server]:
    made = Server(installed, installed.create("names", databases=("shop",), users=("anna",)))
    yield made
    installed.delete(made.id)
    installed.gone(made.id)


@pytest.mark.parametrize("name", GOOD)
def test_a_database_works_under_exactly_this_name(server: Server, name: str) -> None:
    one = f"/databases/{quote(name, safe='').replace('.', '%2E')}"
    server.done("POST", "/databases", {"databases": [{"name": name}]})
    assert name in server.listed("databases")
    server.done("PUT", "/users/anna/databases", {"databases": [{"name": name}]})
    shown = server.done("GET", "/users/anna")["user"]["databases"]
    assert {"name": name} in shown and shown == server.done("GET", "/users/anna/databases")["databases"]
    hexed = sql(server.shown, "anna", "secret-anna", "CREATE TABLE t (n INT); SELECT HEX(DATABASE())", name)
    assert bytes.fromhex(hexed[0]).decode() == name
    server.done("DELETE", f"/users/anna{one}")
    server.done("DELETE", one)
    assert server.listed("databases") == ["shop"]


@pytest.mark.parametrize("name", GOOD_USERS)
def test_a_user_works_under_exactly_this_name(server: Server, name: str) -> None:
    one = f"/users/{quote(name + '@%', safe='').replace('.', '%2E')}"
    server.done("POST", "/users", {"users": [{"name": name, "password": PASSWORD, "databases": [{"name": "shop"}]}]})
    assert name in server.listed("users")
    assert server.done("GET", one)["user"] == {"name": name, "host": "%", "databases": [{"name": "shop"}]}
    hexed = sql(server.shown, escaped(name), escaped(PASSWORD), "SELECT HEX(USER())", "shop")
    assert bytes.fromhex(hexed[0]).decode().rpartition("@")[0] == name
    server.done("DELETE", one)
    assert server.listed("users") == ["anna"]


@pytest.mark.parametrize(("name", "rule"), BAD_DATABASES)
def test_a_database_is_refused_with_the_rule(server: Server, name: str, rule: str) -> None:
    server.refused("POST", "/databases", {"databases": [{"name": name}]}, rule)
    assert server.listed("databases") == ["shop"]


@pytest.mark.parametrize(("name", "rule"), BAD_USERS)
def test_a_user_is_refused_with_the_rule(server: Server, name: str, rule: str) -> None:
    server.refused("POST", "/users", {"users": [{"name": name, "password": "secret"}]}, rule)
    assert server.listed("users") == ["anna"]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_host_lets_in(server: Server, host: str) -> None:
    server.done("POST", "/users", {"users": [{"name": "guest", "password": "secret", "host": host}]})
    assert sql(server.shown, "guest", "secret", "SELECT CURRENT_USER()") == [f"guest@{host}"]
    server.done("DELETE", f"/users/{quote(f'guest@{host}', safe='')}")


@pytest.mark.parametrize(("host", "rule"), BAD_HOSTS)
def test_a_host_is_refused_with_the_rule(server: Server, host: str, rule: str) -> None:
    server.refused("POST", "/users", {"users": [{"name": "guest", "password": "secret", "host": host}]}, rule)


@pytest.mark.parametrize("password", [" a ", "a\nb", "😀", "\\", "'\"`", "%s", "x" * 255, "-p", "#", "e\u0301", "a\0b"])
def test_a_password_opens_exactly(server: Server, password: str) -> None:
    server.done("PUT", "/users/anna", {"user": {"password": password}})
    if "\0" not in password:  # no option file of a client can hold one
        assert sql(server.shown, "anna", escaped(password), "SELECT 1") == ["1"]
    server.done("PUT", "/users", {"users": [{"name": "anna", "password": "secret-anna"}]})


@pytest.mark.parametrize(("password", "rule"), [("", "1 to 255"), ("x" * 256, "1 to 255")])
def test_a_password_is_refused_with_the_rule(server: Server, password: str, rule: str) -> None:
    server.refused("PUT", "/users/anna", {"user": {"password": password}}, rule)


@pytest.mark.parametrize(("name", "rule"), INSTANCES)
def test_an_instance_is_renamed_or_the_rule_is_named(server: Server, name: str, rule: str) -> None:
    if rule:
        server.refused("PUT", "", {"instance": {"name": name}}, rule)
    else:
        server.done("PUT", "", {"instance": {"name": name}})
        assert server.done("GET", "")["instance"]["name"] == name
    server.done("PUT", "", {"instance": {"name": "names"}})


@pytest.mark.parametrize("name", ["a'b", "中文", "a%b", "a/b"])
def test_the_unchanged_client_can_do_it(server: Server, installed: Installation, name: str) -> None:
    openstack = installed.openstack
    openstack("database", "db", "create", server.id, name)
    openstack("database", "user", "create", server.id, name, "secret", "--databases", name)
    assert name in [row["Name"] for row in openstack("database", "db", "list", "names")]
    assert {"Name": name, "Host": "%", "Databases": name} in openstack("database", "user", "list", "names")
    openstack("database", "user", "delete", server.id, name)
    openstack("database", "db", "delete", server.id, name)
    assert (server.listed("databases"), server.listed("users")) == (["shop"], ["anna"])


def escaped(text: str) -> str:
    """As an option file of MariaDB's takes it between double quotes."""
    return text.translate(_ESCAPES)
